import QuipuBase
import Storage

extension FileLinks {
  func upload(of upload: ArtifactUploadRecord) -> String { signed("PUT", "/storage/upload/\(upload.id)") }

  func upload(of upload: ArtifactUploadRecord, part: Int64) -> String {
    signed("PUT", "/storage/upload/\(upload.id)/\(part)")
  }

  func upload(of manifest: ArtifactManifestRecord) -> String { signed("PUT", "/storage/manifest/\(manifest.id)") }
  func download(of manifest: ArtifactManifestRecord) -> String { signed("GET", "/storage/manifest/\(manifest.id)") }

  /// Of a reference: what it refers to, which a client fetches with its own credentials.
  func download(of file: ArtifactFileRecord) -> String {
    if case .reference(let url, _) = file.content { return url }
    return signed("GET", "/storage/artifact/\(file.artifactID)/\(percentEncoded(file.name, slashes: true))")
  }

  private func signed(_ method: String, _ path: String) -> String {
    baseURL + signer.sign(method, path: path, lifetime: lifetime)
  }
}
