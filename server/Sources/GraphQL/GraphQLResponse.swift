import QuipuBase

/// The answer to a request.
public struct GraphQLResponse: Sendable {
  /// JSON text of `data`; nil if the request failed before its execution began.
  public let data: [UInt8]?
  public let errors: [GraphQLError]

  /// Whether nothing was executed: the text, the choice of operation, a variable or the document was at fault.
  public var failedBeforeExecution: Bool { data == nil }

  /// - Parameter errors: not empty.
  public init(failedWith errors: [GraphQLError]) {
    data = nil
    self.errors = errors
  }

  init(data: [UInt8], errors: [GraphQLError]) {
    self.data = data
    self.errors = errors
  }

  /// Appends the response as strict JSON. `errors` comes first and is absent when there are none; `data` is absent when
  /// execution did not begin.
  /// Source: GraphQL specification of October 2021, section 7.1.
  public func write(to out: inout ByteBuffer) {
    out.append(UInt8(ascii: "{"))
    if !errors.isEmpty {
      out.append("\"errors\":")
      StrictJSON.write(.array(errors.map(\.json)), to: &out)
      if data != nil { out.append(UInt8(ascii: ",")) }
    }
    if let data {
      out.append("\"data\":")
      out.append(data)
    }
    out.append(UInt8(ascii: "}"))
  }
}
