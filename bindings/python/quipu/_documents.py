"""Pages and molecules."""

import os
import sys

from . import _ffi
from ._handle import Handle, check, checked_caption, new, read_stream, refuse

_lib = _ffi.lib
_MOLECULE_TYPES = ("pdb", "pqr", "mmcif", "mcif", "cif", "sdf", "sd", "gro", "mol2", "mmtf")


class Html(Handle):
    """A page.

    Args:
      data: HTML as text, the path of a file that ends in .html, or a stream. Bytes and files are UTF-8.
      inject: links open in a new tab, the page gets W&B's style, and white space around it goes.
      data_is_not_path: a text is the page even where a file has that name.
    """

    def __init__(self, data, inject=True, data_is_not_path=False):
        super().__init__(None)
        inject = _ffi.TOGGLE_ON if inject else _ffi.TOGGLE_OFF
        if isinstance(data, (str, os.PathLike)):
            path = os.fspath(data)
            is_text = isinstance(data, str)
            if not data_is_not_path and os.path.splitext(path)[1] == ".html" and (not is_text or _exists(path)):
                self._media = new(_lib.quipu_html_open, _ffi.path_bytes(path), inject)
                return
            if not is_text:
                raise refuse("html_bad_path", f"data: the path of a page must end in .html, not {path!r}")
            page = data
        elif hasattr(data, "read"):
            page = read_stream(data, "data")
        else:
            raise refuse("html_bad_data", f"data: must be a text, a path or a stream, not {type(data).__name__}")
        self._media = new(_lib.quipu_html_new, _ffi.string(page), inject)

    def __repr__(self):
        return "<quipu Html>"


def _exists(path):
    try:
        return os.path.exists(path)
    except ValueError:  # a NUL in it
        return False


class Molecule(Handle):
    """A molecule.

    Args:
      data_or_path: the path of a file (.pdb, .pqr, .mmcif, .mcif, .cif, .sdf, .sd, .gro, .mol2, .mmtf), or a stream
        with `file_type`.
      caption: shown below it.
      file_type: the format of a stream's content.
    """

    SUPPORTED_TYPES = frozenset(_MOLECULE_TYPES)
    SUPPORTED_RDKIT_TYPES = frozenset({"mol", "sdf"})

    def __init__(self, data_or_path, caption=None, file_type=None, **_unused):
        self._caption = caption
        super().__init__(None)
        self._media = self._make(data_or_path, checked_caption(caption), file_type)

    @staticmethod
    def _make(data, caption, file_type):
        if hasattr(data, "read") and hasattr(data, "name") and not isinstance(data, os.PathLike):
            if isinstance(data.name, str):
                data = data.name
        if isinstance(data, (str, os.PathLike)):
            return new(_lib.quipu_molecule_open, _ffi.path_bytes(data), caption)
        if not hasattr(data, "read"):
            raise refuse("molecule_bad_data", f"data_or_path: must be a path or a stream, not {type(data).__name__}")
        if file_type is None:
            raise refuse("molecule_no_type", f"file_type: a stream needs one of {', '.join(_MOLECULE_TYPES)}")
        if file_type not in _MOLECULE_TYPES:
            raise refuse("molecule_bad_type", f"file_type: must be one of {', '.join(_MOLECULE_TYPES)}, not {file_type!r}")
        content = read_stream(data, "data_or_path")
        return new(_lib.quipu_molecule_from_text, _ffi.string(content), _ffi.cstring(file_type), caption)

    @classmethod
    def _of_text(cls, text, caption):
        result = cls.__new__(cls)
        result._caption = caption
        Handle.__init__(result, None)
        result._media = new(_lib.quipu_molecule_from_text, _ffi.string(text), b"pdb", checked_caption(caption))
        return result

    @classmethod
    def from_rdkit(
        cls, data_or_path, caption=None, convert_to_3d_and_optimize=True, mmff_optimize_molecule_max_iterations=200
    ):
        """From a molecule of RDKit, or a .mol or .sdf file that RDKit reads. Needs RDKit.

        Args:
          convert_to_3d_and_optimize: adds hydrogens, places the atoms and relaxes them (MMFF94).
          mmff_optimize_molecule_max_iterations: most steps of that.
        """
        chem, all_chem = _rdkit("from_rdkit()")
        checked_caption(caption)
        molecule = data_or_path
        if isinstance(data_or_path, (str, os.PathLike)):
            molecule = cls._read(chem, os.fspath(data_or_path))
        elif not isinstance(molecule, chem.rdchem.Mol):
            raise refuse(
                "molecule_bad_data",
                f"data_or_path: must be an RDKit molecule or the path of a .mol or .sdf file, not {type(molecule).__name__}",
            )
        if convert_to_3d_and_optimize:
            molecule = chem.AddHs(molecule)
            if all_chem.EmbedMolecule(molecule) != 0:
                raise refuse("molecule_no_shape", "data_or_path: RDKit finds no place for the atoms of this molecule")
            all_chem.MMFFOptimizeMolecule(molecule, maxIters=mmff_optimize_molecule_max_iterations)
        return cls._of_text(chem.rdmolfiles.MolToPDBBlock(molecule), caption)

    @staticmethod
    def _read(chem, path):
        extension = os.path.splitext(path)[1].lower()
        if extension not in (".mol", ".sdf"):
            raise refuse("molecule_bad_type", f"data_or_path: {path!r} must end in .mol or .sdf")
        if not os.path.exists(path):
            raise refuse("file_not_found", f"data_or_path: {path!r} does not exist", FileNotFoundError)
        if extension == ".mol":
            molecule = chem.MolFromMolFile(path)
        else:
            molecule = next(iter(chem.SDMolSupplier(path)), None)
        if molecule is None:
            raise refuse("molecule_bad_file", f"data_or_path: RDKit finds no molecule in {path!r}")
        return molecule

    @classmethod
    def from_smiles(
        cls, data, caption=None, sanitize=True, convert_to_3d_and_optimize=True,
        mmff_optimize_molecule_max_iterations=200,
    ):  # fmt: skip
        """From a SMILES. Needs RDKit.

        Args:
          data: such as "CC(=O)O".
          sanitize: RDKit checks valences and finds aromatic rings.
        """
        if not isinstance(data, str):
            raise refuse("smiles_bad", f"smiles: must be a text such as CC(=O)O, not {type(data).__name__}", TypeError)
        checked_caption(caption)
        status, error = _ffi.call(_lib.quipu_molecule_check_smiles, _ffi.string(data))
        check(status, error)
        chem, _ = _rdkit("from_smiles()")
        molecule = chem.MolFromSmiles(data, sanitize=sanitize)
        if molecule is None:
            raise refuse("smiles_bad", f"smiles: {data!r} is no molecule by RDKit: look at its valences and rings")
        return cls.from_rdkit(molecule, caption, convert_to_3d_and_optimize, mmff_optimize_molecule_max_iterations)

    def __repr__(self):
        return "<quipu Molecule>" if self._caption is None else f"<quipu Molecule {self._caption!r}>"


def _rdkit(call):
    """RDKit's modules, imported by the first call that needs them."""
    if "rdkit" not in sys.modules:
        import importlib.util

        if importlib.util.find_spec("rdkit") is None:
            raise refuse("rdkit_missing", f"{call} needs RDKit: pip install rdkit", ModuleNotFoundError)
    from rdkit import Chem
    from rdkit.Chem import AllChem

    return Chem, AllChem
