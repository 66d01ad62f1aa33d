"""Views of other libraries' arrays, without importing those libraries.

An array is anything with NumPy's `__array_interface__`, DLPack's `__dlpack__`, the buffer protocol, or `__array__`
beside a shape and a dtype. A torch tensor on another device, or one that takes part in differentiation, is first asked
for a detached copy on the host, as the official client does; other libraries' device memory is refused.
"""

import sys

from . import _ffi, errors

_NATIVE = "<" if sys.byteorder == "little" else ">"

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
    if cls is memoryview or (cls.__module__ == "array" and cls.__name__ == "array"):
        return True
    return _converts(value)


def _converts(value):
    """Whether the value makes a numpy array of itself (not data frames and series, which have rules of their own)."""
    cls = type(value)
    return (
        hasattr(cls, "__array__")
        and hasattr(cls, "shape")
        and hasattr(cls, "dtype")
        and module_of(value) not in ("pandas", "polars")
    )


def host(value):
    """The value on the host and outside differentiation."""
    if is_tensor(value):
        value = value.detach()
        if str(getattr(value, "device", "")) == "meta":
            raise errors.make("array_without_data", "array: a tensor on the meta device has no data", _ffi.ERROR_VALUE)
        for step in ("cpu", "resolve_conj", "resolve_neg"):
            if hasattr(value, step):
                value = getattr(value, step)()
        if getattr(value, "is_sparse", False):
            value = value.to_dense()
        if getattr(value, "is_quantized", False):
            value = value.dequantize()
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


def type_name(value):
    """What the summary calls an array's type."""
    return "torch.Tensor" if is_tensor(value) else f"{module_of(value)}.{type(value).__name__}"


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
        return view(value.__array__()) if _converts(value) else None
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


# Memory that the host can read, by DLPack's numbers: its own, pinned, managed. Of the others the most frequent names.
_HOST_DEVICES = (1, 3, 11, 13)
_DEVICES = {2: "CUDA", 4: "OpenCL", 7: "Vulkan", 8: "Metal", 10: "ROCm", 14: "oneAPI", 15: "WebGPU"}
_TO_HOST = {
    "torch": "tensor.cpu()",
    "jax": "jax.device_get(array)",
    "jaxlib": "jax.device_get(array)",
    "cupy": "array.get()",
    "mlx": "numpy.array(array)",
    "tensorflow": "tensor.numpy()",
    "paddle": "tensor.cpu()",
}


def _device_buffer(value):
    """Nothing for memory that the host can read. For other memory a view by the buffer protocol, which libraries offer
    whose devices share the host's memory (mlx), else an error; the producer is asked for nothing before."""
    device = getattr(value, "__dlpack_device__", None)
    kind = int(device()[0]) if device is not None else 1
    if kind in _HOST_DEVICES:
        return None
    try:
        return _from_buffer(memoryview(value))
    except TypeError:
        way = _TO_HOST.get(module_of(value), "its library's copy to the host, such as .cpu() or .get()")
        raise errors.make(
            "array_on_device",
            f"array: its memory is on a device ({_DEVICES.get(kind, f'DLPack type {kind}')}); bring it to the host "
            f"first: {way}",
            _ffi.ERROR_DEVICE,
        ) from None


def _from_dlpack(value):
    value = host(value)
    shared = _device_buffer(value)
    if shared is not None:
        return shared
    try:
        try:
            capsule = value.__dlpack__(max_version=(1, 0))
        except TypeError:  # before DLPack 1.0
            capsule = value.__dlpack__()
    except (BufferError, RuntimeError) as error:
        if hasattr(type(value), "__array__"):  # a type or layout that only this way knows
            return view(value.__array__())
        raise errors.make(
            "array_not_exported", f"array: {module_of(value)} does not hand it over: {error}", _ffi.ERROR_VALUE
        ) from error
    tensor = _ffi.Tensor(capsule)
    if tensor.version[0] > 1:
        tensor.release()
        raise errors.make(
            "dlpack_version",
            f"array: comes by DLPack {tensor.version[0]}.{tensor.version[1]}; versions 0 and 1 are understood",
            _ffi.ERROR_VALUE,
        )
    status, array, error = _ffi.dlpack_array(tensor)
    if status != _ffi.OK:
        tensor.release()
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
    """A view of a (nested) list of numbers; None if it holds anything else. NumPy reads it where the program has NumPy
    and the list holds arrays or scalars of it; without, the list is flattened."""
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
                made = _by_numpy(values) if module_of(item) == "numpy" else None
                if made is not None:
                    return made
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


def _by_numpy(values):
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return None
    try:
        return view(numpy.asarray(values))
    except ValueError:  # ragged
        return None


def is_flat(values):
    """Whether a list holds no lists nor arrays with axes."""
    return not any(isinstance(item, (list, tuple)) or getattr(item, "shape", ()) != () for item in values)
