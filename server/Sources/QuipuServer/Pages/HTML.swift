import HTTPTypes
import Hummingbird
import NIOCore

/// Text made safe for HTML, attributes included.
func escaped(_ text: String) -> String {
  var out = ""
  out.reserveCapacity(text.utf8.count)
  for character in text.unicodeScalars {
    switch character {
    case "&": out += "&amp;"
    case "<": out += "&lt;"
    case ">": out += "&gt;"
    case "\"": out += "&quot;"
    case "'": out += "&#39;"
    default: out.unicodeScalars.append(character)
    }
  }
  return out
}

/// A whole page around a body. No script and nothing from elsewhere, and the browser is told to insist on that.
func page(_ title: String, status: HTTPResponse.Status = .ok, _ body: String) -> Response {
  let text = """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>\(escaped(title)) · Quipu</title>
    <style>
    :root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); }
    body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 72rem; padding: 1.5rem; }
    nav, h1 { margin: 0 0 1rem; }
    h1 { font-size: 1.5rem; }
    h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
    .scroll { overflow-x: auto; }
    table { border-collapse: collapse; width: 100%; }
    th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; }
    th, td { border-bottom: 1px solid var(--line); }
    tbody th { width: 14rem; font-weight: 600; overflow-wrap: anywhere; }
    td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
    code, pre { font: 13px/1.45 ui-monospace, monospace; overflow-wrap: anywhere; }
    .state { white-space: nowrap; }
    .state::before { content: "●"; margin-right: .35em; color: #888; }
    .running::before { color: #2b8a3e; } .finished::before { color: #1c7ed6; }
    .failed::before, .crashed::before, .killed::before { color: #c92a2a; }
    .preempting::before, .preempted::before { color: #e67700; }
    .muted { opacity: .65; }
    </style>
    </head>
    <body>
    \(body)
    </body>
    </html>
    """
  return Response(
    status: status,
    headers: [
      .contentType: "text/html; charset=utf-8", .cacheControl: "no-store", .xContentTypeOptions: "nosniff",
      .contentSecurityPolicy: "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; base-uri 'none'",
    ],
    body: .init(byteBuffer: NIOCore.ByteBuffer(string: text)))
}
