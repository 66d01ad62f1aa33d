"""Views of other libraries' arrays, without importing those libraries.

An array is anything with NumPy's `__array_interface__`, the buffer protocol, or DLPack's `__dlpack__`. A tensor on
another device, or one that takes part in differentiation, is first asked for a detached copy on the host.
"""

from . import _ffi, errors

_NATIVE = "<" if __import__("sys").byteorder == "little" else ">"

_BUFFER_FORMATS = {
    "?": "b1",
    "b": "i1", "h": "i2", "i": "i4", "q": "i8",
    "B": "u1", "H": "u2", "I": "u4", "Q": "u8",
    "e": "f2", "f": "f4", "d": "f8",
}  # fmt: skip


def module_of(value):
    """The top-level package that made the value's class."""
    return (type(value).__module__ or "").partition(".")[0]


def is_tensor(value):
    return module_of(value) == "torch" and hasattr(value, "detach") and hasattr(value, "dim")


def is_array(value):
    """Whether the value is an array or a scalar of an array library (not bytes or text)."""
    cls = type(value)
    if cls in (str, bytes, bytearray, int, float, bool):
        return False
    if hasattr(cls, "__array_interface__") or hasattr(cls, "__dlpack__"):
        return True
    return cls is memoryview or (cls.__module__ == "array" and cls.__name__ == "array")


def host(value):
    """The value on the host and outside differentiation."""
    if is_tensor(value):
        value = value.detach()
        for step in ("cpu", "resolve_conj", "resolve_neg"):
            if hasattr(value, step):
                value = getattr(value, step)()
        if getattr(value, "is_sparse", False):
            value = value.to_dense()
    return value


def size(value):
    """Number of elements."""
    shape = getattr(value, "shape", None)
    if shape is None:
        return len(value)
    count = 1
    for extent in shape:
        count *= int(extent)
    return count


def view(value):
    """(array for the library, what must stay alive), or None when the value is not an array of numbers."""
    interface = getattr(value, "__array_interface__", None)
    if isinstance(interface, dict):
        return _from_interface(value, interface)
    if hasattr(value, "__dlpack__"):
        return _from_dlpack(value)
    try:
        buffer = memoryview(value)
    except TypeError:
        return None
    return _from_buffer(buffer)


def _from_interface(value, interface):
    typestr = interface["typestr"]
    dtype = _ffi.DTYPES.get(typestr[1:])
    if dtype is None:
        if str(getattr(value, "dtype", "")) == "bfloat16":
            dtype = 11
        elif typestr[1] in "fc" and hasattr(value, "astype"):  # long double
            narrow = value.astype("f8" if typestr[1] == "f" else "c16")
            return _from_interface(narrow, narrow.__array_interface__)
        else:
            return None
    data = interface.get("data")
    if not isinstance(data, tuple):
        return _from_buffer(memoryview(value))
    flags = _ffi.BYTE_SWAPPED if typestr[0] in "<>" and typestr[0] != _NATIVE and typestr[2:] != "1" else 0
    return _ffi.array(data[0], dtype, interface["shape"], interface.get("strides"), flags), (value, interface)


def _from_dlpack(value):
    value = host(value)
    status, array, error = _ffi.dlpack_array(value.__dlpack__(), len(value.shape))
    if status != _ffi.OK:
        code, kind, message = _ffi.take_error(error, status)
        raise errors.make(kind, message, code)
    return array, (value, array)


def _from_buffer(buffer):
    text = buffer.format
    swapped = text[:1] in "<>" and text[0] != _NATIVE
    letter = text.lstrip("@=<>!")
    if letter in ("l", "L"):
        name = ("i" if letter == "l" else "u") + str(buffer.itemsize)
    else:
        name = _BUFFER_FORMATS.get(letter)
    dtype = _ffi.DTYPES.get(name)
    if dtype is None:
        return None
    if buffer.readonly or not buffer.c_contiguous:
        data = buffer.tobytes()
        address, keep = _ffi.bytes_address(data), data
    else:
        address, keep = _ffi.buffer_address(buffer), buffer
    flags = _ffi.BYTE_SWAPPED if swapped and buffer.itemsize > 1 else 0
    return _ffi.array(address, dtype, buffer.shape, None, flags), keep


def from_numbers(values):
    """A view of a (nested) list of numbers, flattened; None if it holds anything else."""
    import array

    flat = []
    kinds = set()
    stack = [iter(values)]
    while stack:
        for item in stack[-1]:
            cls = type(item)
            if cls is bool or cls is int or cls is float:
                kinds.add(cls)
                flat.append(item)
            elif cls in (list, tuple):
                stack.append(iter(item))
                break
            elif is_array(item):
                item = host(item)
                items = item.tolist() if hasattr(item, "tolist") else list(item)
                stack.append(iter(items if isinstance(items, list) else [items]))
                break
            elif isinstance(item, (int, float)):
                kinds.add(float if isinstance(item, float) else int)
                flat.append(item)
            elif isinstance(item, complex) or isinstance(item, (str, bytes)) or item is None:
                return None
            elif hasattr(item, "__float__"):
                kinds.add(float)
                flat.append(float(item))
            else:
                return None
        else:
            stack.pop()
    if kinds == {bool}:
        data = array.array("B", flat)
        buffer = memoryview(data)
        return _ffi.array(_ffi.buffer_address(buffer), 1, (len(flat),)), (data, buffer)
    try:
        data = array.array("q", flat) if kinds <= {int, bool} and flat else array.array("d", flat)
    except OverflowError:
        data = array.array("d", [float(item) for item in flat])
    return view(data)
