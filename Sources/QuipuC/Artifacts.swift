import CQuipu
import Glibc
import Quipu
import QuipuBase

// Artifacts.

private func artifact(_ handle: OpaquePointer?) throws(QuipuError) -> Artifact {
  guard handle != nil else { throw isNull("artifact") }
  guard let found = Handles.artifacts.object(handle) else {
    throw QuipuError(.handle, kind: "bad_handle", "artifact: was freed, or is not an artifact")
  }
  return found
}

@c @implementation
public func quipu_artifact_new(
  _ name: UnsafePointer<CChar>?, _ type: UnsafePointer<CChar>?, _ options: UnsafePointer<quipu_artifact_options>?,
  _ artifact: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  artifact?.pointee = nil
  return attempt(error) { () throws(QuipuError) in
    guard let artifact else { throw isNull("artifact") }
    let given = try copyOptions(options, quipu_artifact_options(), "options")
    let metadata =
      given.metadata_json.size == 0 ? JSONObject() : try object(given.metadata_json, "metadata_json")
    let made = try Artifact(
      name: try required(name, "name"), type: try required(type, "type"),
      description: try text(given.description, "description"), metadata: metadata)
    guard let handle = Handles.artifacts.insert(made) else {
      throw QuipuError(.memory, kind: "too_many_handles", "four million artifacts are in use: free some")
    }
    artifact.pointee = handle
  }
}

@c @implementation
public func quipu_artifact_free(_ artifact: OpaquePointer?) {
  if artifact != nil { _ = Handles.artifacts.remove(artifact) }
}

@c @implementation
public func quipu_artifact_add_media(
  _ artifact_: OpaquePointer?, _ media: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ overwrite: Int32,
  _ path: UnsafeMutablePointer<quipu_str>?, _ error: ErrorOut
) -> quipu_status {
  clear(path)
  return attempt(error) { () throws(QuipuError) in
    let added = try artifact(artifact_).add(
      try medium(media, "media"), name: try required(name, "name"), overwrite: overwrite != 0)
    give(added, to: path)
  }
}

private func flags(_ flags: quipu_artifact_flags) throws(QuipuError) -> (overwrite: Bool, copies: Bool) {
  guard flags & ~3 == 0 else {
    throw QuipuError(.argument, kind: "flags_unknown", "flags: \(flags) holds bits that are not known")
  }
  return (flags & 1 != 0, flags & 2 == 0)
}

@c @implementation
public func quipu_artifact_add_file(
  _ artifact_: OpaquePointer?, _ path: UnsafePointer<CChar>?, _ name: UnsafePointer<CChar>?,
  _ flags_: quipu_artifact_flags, _ error: ErrorOut
) -> quipu_status {
  attempt(error) { () throws(QuipuError) in
    let flags = try flags(flags_)
    try artifact(artifact_).addFile(
      try required(path, "path"), name: try text(name, "name"), copies: flags.copies, overwrite: flags.overwrite)
  }
}

@c @implementation
public func quipu_artifact_add_directory(
  _ artifact_: OpaquePointer?, _ path: UnsafePointer<CChar>?, _ name: UnsafePointer<CChar>?,
  _ flags_: quipu_artifact_flags, _ error: ErrorOut
) -> quipu_status {
  attempt(error) { () throws(QuipuError) in
    let flags = try flags(flags_)
    try artifact(artifact_).addDirectory(
      try required(path, "path"), name: try text(name, "name"), copies: flags.copies)
  }
}

@c @implementation
public func quipu_artifact_add_bytes(
  _ artifact_: OpaquePointer?, _ bytes_: quipu_str, _ name: UnsafePointer<CChar>?, _ flags_: quipu_artifact_flags,
  _ error: ErrorOut
) -> quipu_status {
  attempt(error) { () throws(QuipuError) in
    try artifact(artifact_).addBytes(
      try bytes(bytes_, "bytes"), name: try required(name, "name"), overwrite: try flags(flags_).overwrite)
  }
}

@c @implementation
public func quipu_artifact_add_reference(
  _ artifact_: OpaquePointer?, _ uri: UnsafePointer<CChar>?, _ name: UnsafePointer<CChar>?,
  _ digest: UnsafePointer<CChar>?, _ size: Int64, _ error: ErrorOut
) -> quipu_status {
  attempt(error) { () throws(QuipuError) in
    try artifact(artifact_).addReference(
      try required(uri, "uri"), name: try text(name, "name"), digest: try text(digest, "digest"), size: size)
  }
}

@c @implementation
public func quipu_artifact_json(
  _ artifact_: OpaquePointer?, _ out: UnsafeMutablePointer<quipu_str>?, _ error: ErrorOut
) -> quipu_status {
  clear(out)
  return attempt(error) { () throws(QuipuError) in
    guard out != nil else { throw isNull("out") }
    give(try artifact(artifact_).json().text(style: .client), to: out)
  }
}

@c @implementation
public func quipu_run_log_artifact(
  _ run: OpaquePointer?, _ artifact_: OpaquePointer?, _ aliases: UnsafePointer<UnsafePointer<CChar>?>?,
  _ alias_count: Int, _ tags: UnsafePointer<UnsafePointer<CChar>?>?, _ tag_count: Int, _ error: ErrorOut
) -> quipu_status {
  attempt(error) { () throws(QuipuError) in
    try theRun(run).logArtifact(
      try artifact(artifact_), aliases: try texts(aliases, alias_count, "aliases"),
      tags: try texts(tags, tag_count, "tags"))
  }
}
