import CQuipu
import Quipu
import QuipuBase

// Login.

@c @implementation
public func quipu_login(
  _ key: UnsafePointer<CChar>?, _ options: UnsafePointer<quipu_login_options>?,
  _ out: UnsafeMutablePointer<quipu_str>?, _ error: ErrorOut
) -> quipu_status {
  clear(out)
  return attempt(error) { () throws(QuipuError) in
    let given = try copyOptions(options, quipu_login_options(), "options")
    var options = Login.Options()
    options.host = try text(given.host, "host")
    options.verify = try toggle(given.verify, "verify") ?? true
    options.store = try toggle(given.store, "store")
    options.relogin = try toggle(given.relogin, "relogin") ?? false
    if given.timeout_ms != 0 { options.timeoutMilliseconds = given.timeout_ms }
    let report = try Login.login(key: try text(key, "key"), options: options)
    give(report.json.text(style: .client), to: out)
  }
}

@c @implementation
public func quipu_logout(
  _ host: UnsafePointer<CChar>?, _ removed: UnsafeMutablePointer<Int32>?, _ error: ErrorOut
) -> quipu_status {
  removed?.pointee = 0
  return attempt(error) { () throws(QuipuError) in
    if try Login.logout(host: try text(host, "host")) { removed?.pointee = 1 }
  }
}
