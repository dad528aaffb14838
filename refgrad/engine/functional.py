"""Derivatives of functions: products with Jacobians and Hessians, and the matrices themselves.

Source: ``torch.autograd.functional``, whose words the errors speak.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from refgrad.engine import differentiation, forward_ad, ops
from refgrad.engine.grad_mode import enable_grad, set_grad_enabled
from refgrad.engine.graph import TensorBase
from refgrad.engine.level import zeros_like
from refgrad.engine.modes import modes

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Tensors = tuple[Any, ...]
_OUTPUTS = "outputs of the user-provided function"
_STRICT = "This is not allowed in strict mode"


# arguments ------------------------------------------------------------------------------------------------------------


def as_tensors(value: Any, what: str, api: str) -> tuple[bool, Tensors]:
    """Whether ``value`` is a tuple of tensors, and it as one.

    Errors: TypeError for anything but a tensor or a tuple of them.
    """
    is_tuple = isinstance(value, tuple)
    for i, x in enumerate(value if is_tuple else (value,)):
        if not isinstance(x, TensorBase):
            which = f"value at index {i}" if is_tuple else f"given {what}"
            raise TypeError(
                f"The {what} given to {api} must be either a Tensor or a tuple of Tensors but the {which} has type {type(x)}."
            )
    return is_tuple, value if is_tuple else (value,)


def prepared(inputs: Tensors, create_graph: bool, need_graph: bool = True) -> Tensors:
    """The inputs apart from the user's: in the user's graph with ``create_graph``, else leaves."""
    return tuple(
        x.view_as(x) if create_graph and x.requires_grad else x.detach().requires_grad_(need_graph) for x in inputs
    )


def finished(result: Any, create_graph: bool) -> Any:
    """A tensor, or nested tuples of them, out of the graph unless ``create_graph``."""
    if isinstance(result, tuple):
        return tuple(finished(x, create_graph) for x in result)
    return result if create_graph else result.detach()


def direction(v: Any, others: Tensors, is_tuple: bool, api: str, create_graph: bool, missing: str) -> Tensors | None:
    """The vector of a product; None may stand for a single one.

    Errors: RuntimeError for a vector that does not fit, and none where it is no single number (``missing`` says what is not).
    """
    if v is None:
        if len(others) != 1 or others[0].numel() != 1:
            raise RuntimeError(f"The vector v can only be None if {missing} a single Tensor with a single element.")
        return None
    vectors = prepared(as_tensors(v, "v", api)[1], create_graph, need_graph=False)
    if len(vectors) != len(others):
        raise RuntimeError(
            f"v is a tuple of invalid length: should be {len(others)} but got {len(vectors)}."
            if is_tuple
            else "The given v should contain a single Tensor."
        )
    for i, (x, other) in enumerate(zip(vectors, others)):
        if x.shape != other.shape:
            entry = f"Entry {i} in " if is_tuple else ""
            raise RuntimeError(f"{entry}v has invalid size: should be {other.size()} but got {x.size()}.")
    return vectors


_INPUT = "the input to the user-provided function is"
_OUTPUT = "the user-provided function returns"


def only(is_tuple: bool, result: Tensors) -> Any:
    """A tuple, or the one thing in it."""
    return result if is_tuple else result[0]


def single_output(outputs: Tensors, is_tuple: bool, api: str) -> None:
    """Refuse a function of more than one number.

    Errors: RuntimeError.
    """
    if is_tuple:
        raise RuntimeError(f"The function given to {api} should return a single Tensor")
    if outputs[0].numel() != 1:
        raise RuntimeError(f"The Tensor returned by the function given to {api} should contain a single element")


# strict mode ----------------------------------------------------------------------------------------------------------

_CONSTANT = {
    "outputs": (
        "Output {} of the user-provided function does not require gradients. The outputs must be computed in a differentiable "
        "manner from the input when running in strict mode."
    ),
    "grad_inputs": (
        "The gradient with respect to input {} is independent of the inputs of the user-provided function. This is not allowed "
        "in strict mode."
    ),
    "jacobian": (
        "While computing the hessian, found that the jacobian of the user-provided function with respect to input {} is "
        "independent of the input. This is not allowed in strict mode. You should ensure that your function is twice "
        "differentiable and that the jacobian depends on the inputs (this would be violated by a linear function for example)."
    ),
    "hessian": (
        "The hessian of the user-provided function with respect to input {} is independent of the input. This is not allowed in "
        "strict mode. You should ensure that your function is thrice differentiable and that the hessian depends on the inputs."
    ),
}
_ABSENT = {
    "back": "The output of the user-provided function is independent of input {}. This is not allowed in strict mode.",
    "back_trick": (
        "The gradient with respect to the input is independent of entry {} in the grad_outputs when using the double backward "
        "trick to compute forward mode gradients. This is not allowed in strict mode."
    ),
    "double_back": "The jacobian of the user-provided function is independent of input {}. This is not allowed in strict mode.",
    "double_back_trick": (
        "The hessian of the user-provided function is independent of entry {} in the grad_jacobian. This is not allowed in strict "
        "mode as it prevents from using the double backward trick to replace forward mode AD."
    ),
}


def check_tracked(tensors: Sequence[Any], what: str, strict: bool) -> None:
    """In strict mode, refuse what depends on no input.

    Errors: RuntimeError.
    """
    for i, x in enumerate(tensors if strict else ()):
        if x is None:
            raise RuntimeError(_ABSENT["back"].format(i))
        if not x.requires_grad:
            raise RuntimeError(_CONSTANT[what].format(i))


def filled(grads: Sequence[Any], refs: Tensors, strict: bool, create_graph: bool, stage: str) -> Tensors:
    """``grads``, with zeros where there is none.

    Errors: RuntimeError for those in strict mode.
    """
    for i, grad in enumerate(grads if strict else ()):
        if grad is None:
            raise RuntimeError(_ABSENT[stage].format(i))
        if create_graph and not grad.requires_grad:
            matrix = "hessian" if "double" in stage else "jacobian"
            _refuse(
                f"The {matrix} of the user-provided function is independent of input {i}. {_STRICT} when create_graph=True."
            )
    return tuple(zeros_like(ref) if grad is None else grad for grad, ref in zip(grads, refs))


def _refuse(message: str) -> NoReturn:
    raise RuntimeError(message)


def gradients(
    outputs: Sequence[Any],
    inputs: Tensors,
    vectors: Tensors | None,
    *,
    create_graph: bool = False,
    keep: bool | None = None,
) -> Tensors:
    """As ``grad``, of those outputs that have a history; None for an input that none depends on."""
    given = vectors or (None,) * len(outputs)
    rows = [(out, v) for out, v in zip(outputs, given) if out is not None and out.requires_grad]
    if not rows:
        return (None,) * len(inputs)
    roots, grads = zip(*rows)
    return differentiation.grad(roots, inputs, grads, allow_unused=True, create_graph=create_graph, retain_graph=keep)


# products -------------------------------------------------------------------------------------------------------------


def vjp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """``func(*inputs)``, and the product of ``v`` with its Jacobian.

    Errors: TypeError for what is no tensor; RuntimeError for a ``v`` that does not fit; with ``strict``, for an output
    that is independent of an input.
    """
    with enable_grad():
        several, primals = as_tensors(inputs, "inputs", "vjp")
        primals = prepared(primals, create_graph)
        many, outputs = as_tensors(func(*primals), _OUTPUTS, "vjp")
        check_tracked(outputs, "outputs", strict)
        vectors = direction(v, outputs, many, "vjp", create_graph, _OUTPUT)
    with set_grad_enabled(create_graph or modes.grad_enabled):
        found = gradients(outputs, primals, vectors, create_graph=create_graph)
        result = filled(found, primals, strict, create_graph, "back")
    return only(many, finished(outputs, create_graph)), only(several, finished(result, create_graph))


def jvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """``func(*inputs)``, and the product of its Jacobian with ``v``, by differentiating the backward pass.

    Errors: as ``vjp``.
    """
    with enable_grad():
        several, primals = as_tensors(inputs, "inputs", "jvp")
        primals = prepared(primals, create_graph)
        vectors = direction(v, primals, several, "jvp", create_graph, _INPUT)
        many, outputs = as_tensors(func(*primals), _OUTPUTS, "jvp")
        check_tracked(outputs, "outputs", strict)
        cotangents = tuple(zeros_like(out).requires_grad_() for out in outputs)
        found = gradients(outputs, primals, cotangents, create_graph=True)
        check_tracked(found, "grad_inputs", strict)
    with set_grad_enabled(create_graph or modes.grad_enabled):
        products = gradients(found, cotangents, vectors, create_graph=create_graph)
        result = filled(products, outputs, strict, create_graph, "back_trick")
    return only(many, finished(outputs, create_graph)), only(many, finished(result, create_graph))


def vhp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """``func(*inputs)``, a scalar, and the product of ``v`` with its Hessian.

    Errors: as ``vjp``; RuntimeError for an output of more than one element.
    """
    with enable_grad():
        several, primals, vectors, outputs, jac = _differentiated(func, inputs, v, "vhp", create_graph, strict)
    with set_grad_enabled(create_graph or modes.grad_enabled):
        found = gradients(jac, primals, vectors, create_graph=create_graph)
        result = filled(found, primals, strict, create_graph, "double_back")
    return finished(outputs[0], create_graph), only(several, finished(result, create_graph))


def hvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """``func(*inputs)``, a scalar, and the product of its Hessian with ``v``.

    Errors: as ``vhp``.
    """
    with enable_grad():
        several, primals, vectors, outputs, jac = _differentiated(func, inputs, v, "hvp", create_graph, strict)
        cotangents = tuple(zeros_like(x).requires_grad_() for x in primals)
        double_back = gradients(jac, primals, cotangents, create_graph=True)
        check_tracked(jac, "hessian", strict)
    with set_grad_enabled(create_graph or modes.grad_enabled):
        found = gradients(double_back, cotangents, vectors, create_graph=create_graph)
        result = filled(found, primals, strict, create_graph, "double_back_trick")
    return finished(outputs[0], create_graph), only(several, finished(result, create_graph))


def _differentiated(
    func: Any, inputs: Any, v: Any, api: str, create_graph: bool, strict: bool
) -> tuple[bool, Tensors, Any, Tensors, Tensors]:
    """What the products with a Hessian have in common: the recorded gradient."""
    several, primals = as_tensors(inputs, "inputs", api)
    primals = prepared(primals, create_graph)
    vectors = direction(v, primals, several, api, create_graph, _INPUT)
    many, outputs = as_tensors(func(*primals), _OUTPUTS, api)
    check_tracked(outputs, "outputs", strict)
    single_output(outputs, many, api)
    jac = gradients(outputs, primals, None, create_graph=True)
    check_tracked(jac, "jacobian", strict)
    return several, primals, vectors, outputs, jac


# matrices -------------------------------------------------------------------------------------------------------------

_STRATEGIES = ("forward-mode", "reverse-mode")
_JACOBIAN = "torch.autograd.functional.jacobian: "


def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian of ``func``: a tensor, a tuple over the inputs or the outputs, or a tuple of tuples.

    Shapes: the output's, then the input's.
    Errors: as ``vjp``; NotImplementedError for forward mode that is not vectorized.
    """
    if strategy not in _STRATEGIES:
        raise AssertionError(
            'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your function has more outputs than '
            'inputs, "forward-mode" tends to be more performant. Otherwise, prefer to use "reverse-mode".'
        )
    if strategy == "forward-mode":
        _check_forward(create_graph, strict, vectorize)
        return _forward_jacobian(func, inputs)
    with enable_grad():
        several, primals = as_tensors(inputs, "inputs", "jacobian")
        primals = prepared(primals, create_graph)
        many, outputs = as_tensors(func(*primals), _OUTPUTS, "jacobian")
        check_tracked(outputs, "outputs", strict)
        if vectorize and strict:
            raise RuntimeError(
                f"{_JACOBIAN}`strict=True` and `vectorized=True` are not supported together. Please either set `strict=False` or "
                "`vectorize=False`."
            )
        rows = tuple(_rows(i, out, primals, create_graph, strict) for i, out in enumerate(outputs))
    return only(many, tuple(only(several, row) for row in finished(rows, create_graph)))


def _rows(i: int, output: Any, inputs: Tensors, create_graph: bool, strict: bool) -> Tensors:
    """The blocks of one output, an input each."""
    columns: list[list[Any]] = [[] for _ in inputs]
    flat = output.reshape(-1)
    for k in range(output.numel()):
        for j, grad in enumerate(gradients((flat[k],), inputs, None, create_graph=create_graph, keep=True)):
            if grad is None and strict:
                raise RuntimeError(f"Output {i} of the user-provided function is independent of input {j}. {_STRICT}.")
            if strict and create_graph and not grad.requires_grad:
                _refuse(
                    f"The jacobian of the user-provided function is independent of input {i}. {_STRICT} when create_graph=True."
                )
            columns[j].append(zeros_like(inputs[j]) if grad is None else grad)
    return tuple(
        ops.stack(column).reshape(*output.shape, *x.shape) if column else x.new_zeros(*output.shape, *x.shape)
        for column, x in zip(columns, inputs)
    )


def _check_forward(create_graph: bool, strict: bool, vectorize: bool) -> None:
    for on, name in ((create_graph, "create_graph=True"), (strict, "strict=True")):
        if on:
            kind = NotImplementedError if create_graph else RuntimeError
            raise kind(
                f'{_JACOBIAN}`{name}` and `strategy="forward-mode"` are not supported together (yet). Please either set '
                f'`{name.replace("True", "False")}` or `strategy="reverse-mode"`.'
            )
    if not vectorize:
        raise NotImplementedError(
            "Computing Jacobian using forward-AD or forward-over-reverse Hessian isonly implemented for `vectorize=True`."
        )


def _forward_jacobian(func: Callable[..., Any], inputs: Any) -> Any:
    """The Jacobian by one forward pass an element of the inputs."""
    several, primals = as_tensors(inputs, "inputs", "jacobian")
    many = False
    blocks: list[list[Any]] = []  # an input each, an output each
    for j, x in enumerate(primals):
        columns = []
        for k in range(x.numel()):
            many, tangents = _tangents(func, primals, j, k)
            columns.append(tangents)
        blocks.append([ops.stack(c, -1).reshape(*c[0].shape, *x.shape) for c in zip(*columns)])
    return only(many, tuple(only(several, row) for row in zip(*blocks)))


def _tangents(func: Callable[..., Any], primals: Tensors, j: int, k: int) -> tuple[bool, Tensors]:
    """The tangents of the outputs along element ``k`` of input ``j``."""
    with forward_ad.dual_level():
        directions = [zeros_like(x) for x in primals]
        directions[j].view(-1)[k] = 1
        duals = map(forward_ad.make_dual, primals, directions)
        many, outputs = as_tensors(func(*duals), "outputs", "jacobian")
        unpacked = map(forward_ad.unpack_dual, outputs)
        return many, tuple(zeros_like(primal) if tangent is None else tangent for primal, tangent in unpacked)


def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The Hessian of ``func``, a scalar: a tensor, or a tuple of tuples over the inputs.

    Errors: as ``jacobian``; RuntimeError for an output of more than one element.
    """
    several, primals = as_tensors(inputs, "inputs", "hessian")
    if outer_jacobian_strategy not in _STRATEGIES:
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode".')

    def scalar(*args: Any) -> Any:
        many, outputs = as_tensors(func(*args), _OUTPUTS, "hessian")
        check_tracked(outputs, "outputs", strict)
        single_output(outputs, many, "hessian")
        return outputs[0].squeeze()

    def gradient(*args: Any) -> Any:
        if outer_jacobian_strategy == "forward-mode":
            args = tuple(x.requires_grad_() for x in args)
        jac = jacobian(scalar, args, create_graph=True)
        check_tracked(jac, "jacobian", strict)
        return jac

    result = jacobian(gradient, primals, create_graph, strict, vectorize, outer_jacobian_strategy)
    return result if several else result[0][0]
