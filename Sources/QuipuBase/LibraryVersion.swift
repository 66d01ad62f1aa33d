/// The version of the library, for every module that names it.
package enum LibraryVersion {
  package static let text = "0.1.0"
}
