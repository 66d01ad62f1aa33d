/// Why a call was refused.
///
/// `code` is the number that crosses the C contract, `kind` a stable word a program can branch on
/// (`"run_id_bad_char"`, `"config_value_changed"`), `message` one line for a person: it names the argument and the fix.
public struct QuipuError: Error, Sendable, Equatable, CustomStringConvertible {
  /// A number with the values of `quipu_status` in `quipu.h`. Families are hundreds: -1xx argument, -2xx state, -3xx
  /// memory, -4xx file, -5xx network, -6xx authentication, -7xx server, -8xx encoding, -9xx internal.
  public struct Code: RawRepresentable, Hashable, Sendable {
    public var rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }

    public static let argument = Code(rawValue: -100)
    public static let null = Code(rawValue: -101)
    public static let utf8 = Code(rawValue: -102)
    public static let key = Code(rawValue: -103)
    public static let step = Code(rawValue: -104)
    public static let shape = Code(rawValue: -105)
    public static let dtype = Code(rawValue: -106)
    public static let value = Code(rawValue: -107)
    public static let name = Code(rawValue: -108)
    public static let setting = Code(rawValue: -109)
    public static let options = Code(rawValue: -110)
    public static let device = Code(rawValue: -111)
    public static let tooLarge = Code(rawValue: -112)

    public static let state = Code(rawValue: -200)
    public static let finished = Code(rawValue: -201)
    public static let handle = Code(rawValue: -202)
    public static let forked = Code(rawValue: -203)
    public static let configChanged = Code(rawValue: -204)
    public static let notFound = Code(rawValue: -205)
    public static let timeout = Code(rawValue: -206)
    public static let full = Code(rawValue: -207)

    public static let memory = Code(rawValue: -300)

    public static let file = Code(rawValue: -400)
    public static let directory = Code(rawValue: -401)
    public static let format = Code(rawValue: -402)
    public static let diskFull = Code(rawValue: -403)
    public static let busy = Code(rawValue: -404)

    public static let network = Code(rawValue: -500)
    public static let host = Code(rawValue: -501)
    public static let connect = Code(rawValue: -502)
    public static let networkTimeout = Code(rawValue: -503)
    public static let tls = Code(rawValue: -504)
    public static let proxy = Code(rawValue: -505)
    public static let library = Code(rawValue: -506)

    public static let auth = Code(rawValue: -600)
    public static let noAPIKey = Code(rawValue: -601)
    public static let apiKey = Code(rawValue: -602)

    public static let server = Code(rawValue: -700)
    public static let answer = Code(rawValue: -701)
    public static let resume = Code(rawValue: -702)

    public static let encode = Code(rawValue: -800)
    public static let `internal` = Code(rawValue: -900)
  }

  public var code: Code
  public var kind: String
  public var message: String

  public init(_ code: Code, kind: String, _ message: String) {
    self.code = code
    self.kind = kind
    self.message = message
  }

  public var description: String { message }
}
