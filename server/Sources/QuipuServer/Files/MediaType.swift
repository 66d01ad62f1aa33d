/// Media types by file extension, for what runs upload.
enum MediaType {
  private static let types: [String: String] = [
    "json": "application/json", "jsonl": "application/jsonl", "yaml": "application/yaml", "yml": "application/yaml",
    "txt": "text/plain; charset=utf-8", "log": "text/plain; charset=utf-8", "md": "text/markdown; charset=utf-8",
    "py": "text/plain; charset=utf-8", "patch": "text/plain; charset=utf-8", "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8", "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg",
    "gif": "image/gif", "bmp": "image/bmp", "webp": "image/webp", "svg": "image/svg+xml", "tiff": "image/tiff",
    "wav": "audio/wav", "mp3": "audio/mpeg", "ogg": "audio/ogg", "mp4": "video/mp4", "webm": "video/webm",
    "gz": "application/gzip", "zip": "application/zip", "pdf": "application/pdf", "npy": "application/octet-stream",
  ]

  static func guess(_ name: String) -> String {
    guard let dot = name.lastIndex(of: ".") else { return "application/octet-stream" }
    return types[name[name.index(after: dot)...].lowercased()] ?? "application/octet-stream"
  }
}
