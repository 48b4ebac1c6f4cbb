"""The messages of Envoy's gRPC `ext_authz` (envoy.service.auth.v3), those fields that we read or write.

Fields are known by number on the wire, so what is not declared here is passed over (Protocol Buffers, "Unknown
fields"). Needs the extra `grpc`.
"""

from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

SERVICE: Final = "envoy.service.auth.v3.Authorization"
METHOD: Final = "Check"
# What a HeaderValueOption is to do with a header that is there already: replace it.
OVERWRITE: Final = 2

_Field = descriptor_pb2.FieldDescriptorProto
_TEXT, _BYTES, _INT = _Field.TYPE_STRING, _Field.TYPE_BYTES, _Field.TYPE_INT32
_PACKAGE: Final = "ascend.forward_auth"
# By message: name of the field, its number, its type or message; `*` where it is repeated.
_MESSAGES: Final[dict[str, tuple[tuple[str, int, Any], ...]]] = {
    "Header": (("key", 1, _TEXT), ("value", 2, _TEXT)),
    "Http": (
        ("method", 2, _TEXT),
        ("headers", 3, "*Header"),  # a map is the same on the wire
        ("path", 4, _TEXT),
        ("host", 5, _TEXT),
        ("body", 11, _TEXT),
        ("raw_body", 12, _BYTES),
    ),
    "AttributesRequest": (("http", 2, "Http"),),
    "Attributes": (("request", 4, "AttributesRequest"),),
    "CheckRequest": (("attributes", 1, "Attributes"),),
    "RpcStatus": (("code", 1, _INT), ("message", 2, _TEXT)),
    "HttpStatus": (("code", 1, _INT),),
    "HeaderOption": (("header", 1, "Header"), ("append_action", 3, _INT)),
    "Denied": (("status", 1, "HttpStatus"), ("headers", 2, "*HeaderOption"), ("body", 3, _TEXT)),
    "Ok": (("headers", 2, "*HeaderOption"), ("headers_to_remove", 5, "*string")),
    "CheckResponse": (("status", 1, "RpcStatus"), ("denied_response", 2, "Denied"), ("ok_response", 3, "Ok")),
}


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="ascend/forward_auth.proto", package=_PACKAGE, syntax="proto3"
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            _add(message, field, number, kind)
    return file


def _add(message: Any, name: str, number: int, kind: Any) -> None:
    is_many = isinstance(kind, str) and kind.startswith("*")
    label = _Field.LABEL_REPEATED if is_many else _Field.LABEL_OPTIONAL
    if kind == "*string":
        kind = _TEXT
    if isinstance(kind, str):
        type_name = f".{_PACKAGE}.{kind.lstrip('*')}"
        message.field.add(
            name=name, number=number, label=label, type=_Field.TYPE_MESSAGE, type_name=type_name
        )
    else:
        message.field.add(name=name, number=number, label=label, type=kind)


_classes: Final[dict[str, Any]] = message_factory.GetMessages(
    [_file()], pool=descriptor_pool.DescriptorPool()
)
CheckRequest: Final[Any] = _classes[f"{_PACKAGE}.CheckRequest"]
CheckResponse: Final[Any] = _classes[f"{_PACKAGE}.CheckResponse"]
