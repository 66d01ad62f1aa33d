import QuipuBase
import QuipuMedia

/// Pages.
extension Media {
  /// Larger pages are refused.
  static let largestPage = 256 << 20

  /// A page.
  ///
  /// - Parameters:
  ///   - content: UTF-8.
  ///   - inject: lets links open in a new tab and gives the page W&B's style, and removes white space around it.
  /// - Throws: `utf8`, `tooLarge`.
  /// Blocking: copies the page.
  public static func html(content: UnsafeRawBufferPointer, inject: Bool = true) throws(QuipuError) -> Media {
    try html(Array(content), inject, "page")
  }

  public static func html(_ page: String, inject: Bool = true) throws(QuipuError) -> Media {
    try html(Array(page.utf8), inject, "page")
  }

  /// A page from a file.
  ///
  /// - Throws: `utf8`, `tooLarge`, and what `UserFile` throws.
  /// Blocking: reads the file.
  public static func html(path: String, inject: Bool = true) throws(QuipuError) -> Media {
    let file = try UserFile(path: path)
    guard file.content.size <= Int64(largestPage) else { throw tooLarge("path: \(path)", file.content.size) }
    guard let bytes = file.content.read() else {
      throw QuipuError(.file, kind: "file_unreadable", "path: \(path) cannot be read")
    }
    return try html(bytes, inject, "path: \(path)", file: file)
  }

  private static func tooLarge(_ name: String, _ size: Int64) -> QuipuError {
    QuipuError(.tooLarge, kind: "html_too_large", "\(name): has \(size) bytes, the limit for a page is \(largestPage)")
  }

  private static func html(
    _ page: [UInt8], _ inject: Bool, _ name: String, file: UserFile? = nil
  ) throws(QuipuError) -> Media {
    guard page.count <= largestPage else { throw tooLarge(name, Int64(page.count)) }
    guard page.withUnsafeBytes({ HtmlPage.isUTF8($0) }) else {
      throw QuipuError(.utf8, kind: "html_not_utf8", "\(name): is not UTF-8; pass the page as UTF-8 text")
    }
    if let file, !inject {
      return Media(.html, .file(FileValue(folder: "html", type: "html-file", file: file)))
    }
    return Media(.html, .pending(PendingPage(page: page, inject: inject)))
  }
}

private struct PendingPage: PendingFile {
  var page: [UInt8]
  var inject: Bool

  var byteCount: Int { page.count }

  func encode() throws(MediaError) -> FileValue {
    let bytes = inject ? page.withUnsafeBytes { HtmlPage.injected($0) } : page
    return FileValue(folder: "html", type: "html-file", fileExtension: ".html", bytes: bytes)
  }
}
