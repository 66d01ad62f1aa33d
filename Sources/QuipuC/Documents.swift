import CQuipu
import Quipu
import QuipuBase

// Pages and molecules.

@c @implementation
public func quipu_html_new(
  _ page: quipu_str, _ inject: quipu_toggle, _ html: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(html, "html", error) { () throws(QuipuError) in
    try .html(content: try bytes(page, "page"), inject: try toggle(inject, "inject") ?? true)
  }
}

@c @implementation
public func quipu_html_open(
  _ path: UnsafePointer<CChar>?, _ inject: quipu_toggle, _ html: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: ErrorOut
) -> quipu_status {
  makeMedia(html, "html", error) { () throws(QuipuError) in
    try .html(path: try required(path, "path"), inject: try toggle(inject, "inject") ?? true)
  }
}

@c @implementation
public func quipu_molecule_open(
  _ path: UnsafePointer<CChar>?, _ caption: UnsafePointer<CChar>?, _ molecule: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: ErrorOut
) -> quipu_status {
  makeMedia(molecule, "molecule", error) { () throws(QuipuError) in
    try .molecule(path: try required(path, "path"), caption: try text(caption, "caption"))
  }
}

@c @implementation
public func quipu_molecule_from_text(
  _ text_: quipu_str, _ file_type: UnsafePointer<CChar>?, _ caption: UnsafePointer<CChar>?,
  _ molecule: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorOut
) -> quipu_status {
  makeMedia(molecule, "molecule", error) { () throws(QuipuError) in
    try .molecule(
      content: try bytes(text_, "text"), fileType: try required(file_type, "file_type"),
      caption: try text(caption, "caption"))
  }
}

@c @implementation
public func quipu_molecule_check_smiles(_ smiles: quipu_str, _ error: ErrorOut) -> quipu_status {
  attempt(error) { () throws(QuipuError) in try Media.checkSMILES(try bytes(smiles, "smiles")) }
}
