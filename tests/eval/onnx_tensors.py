"""Tensors of an ONNX file, and safetensors files: just what the tests need of both formats."""
import json
import struct


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def fields(data):
    """Pairs (number, value) of a protobuf message: integers, or the bytes of the rest."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        wire = key & 7
        if wire == 0:
            value, at = varint(data, at)
        else:
            if wire == 2:
                size, at = varint(data, at)
            else:
                size = {1: 8, 5: 4}[wire]
            value = data[at:at + size]
            at += size
        yield key >> 3, value


def onnx_floats(path):
    """{name: (shape, values)} of a graph's initialisers of type float."""
    with open(path, "rb") as file:
        model = file.read()
    graph = [value for number, value in fields(model) if number == 7][0]
    tensors = {}
    for number, value in fields(graph):
        if number != 5:
            continue
        shape = [v for n, v in fields(value) if n == 1]
        parts = dict(fields(value))
        if parts[2] != 1:  # TensorProto.FLOAT
            continue
        raw = parts.get(9, parts.get(4, b""))
        tensors[parts[8].decode()] = shape, struct.unpack("<%df" % (len(raw) // 4), raw)
    return tensors


def write_safetensors(path, tensors, metadata=None):
    """tensors: {name: (shape, values)}; all as F32."""
    header, body = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, (shape, values) in tensors.items():
        data = struct.pack("<%df" % len(values), *values)
        header[name] = {"dtype": "F32", "shape": list(shape),
                        "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + body)
