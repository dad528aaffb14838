"""What a program does besides computing: writes, modes, hooks, derivatives, and deliberate mistakes."""

from __future__ import annotations

from collections.abc import Callable

from refgrad.harness.program import sampled
from refgrad.harness.program.grammar import INPLACE, OPS, OpSpec
from refgrad.harness.program.ir import (
    Backward,
    Block,
    Grad,
    Hook,
    InPlace,
    Leaf,
    Op,
    Read,
    Ref,
    RequiresGrad,
    RetainGrad,
    TakeGrad,
    ZeroGrad,
)
from refgrad.harness.program.scope import Scope, Var

__all__ = ["ACTIONS", "MISTAKES", "WEIGHTS", "Action", "apply", "backward"]

Action = Callable[[Scope], object]
NOT_DIFFERENTIABLE = {"detach", "gt", "le", "eq"}


def compute(scope: Scope) -> None:
    """Any op."""
    apply(scope, OPS[scope.random.choice(OP_NAMES)])


def sample(scope: Scope) -> None:
    """Any op of the catalogue, on a sample of its own."""
    sampled.call(scope, scope.random.choice(sampled.names()))


def apply(scope: Scope, spec: OpSpec) -> Var:
    """Call an op on what is at hand."""
    call = spec.draw(scope)
    name = scope.fresh()
    scope.say(Op(name, spec.name, call.args, call.params, call.output))
    tracked = scope.recording and spec.name not in NOT_DIFFERENTIABLE and any(v.requires_grad for v in call.vars)
    source = call.vars[0]
    if tracked and spec.saves:
        scope.saved.update(each.memory for each in call.vars)
    result = Var(
        name,
        call.shape,
        call.dtype or scope.dtype,
        requires_grad=tracked,
        leaf=not tracked,
        parents=call.vars if tracked else (),
        memory=source.memory if spec.view else 0,
        positive=spec.positive or (spec.view and source.positive),
        fixed=spec.fixed or (spec.view and (source.fixed or not scope.recording or (tracked and source.leaf))),
    )
    scope.bind(result)
    if "result" in spec.saves and tracked:
        scope.saved.add(result.memory)
    return result


def write(scope: Scope) -> None:
    """An in-place op, on a tensor that mostly may be written into."""

    def may(each: Var) -> bool:
        protected = each.leaf and each.requires_grad and scope.recording
        return each.floating and not each.fixed and not protected and each.memory not in scope.saved

    target = scope.pick(may) or apply(scope, OPS["clone"])
    spec = INPLACE[scope.random.choice(WRITE_NAMES)]
    change = spec.draw(scope, target)
    scope.say(InPlace(target.name, spec.name, change.args, change.params))
    target.positive = False
    if scope.recording and (target.requires_grad or any(each.requires_grad for each in change.vars)):
        taint(scope, target, change.vars)
        if spec.saves:
            scope.saved.update(each.memory for each in (target, *change.vars))


def taint(scope: Scope, target: Var, others: tuple[Var, ...]) -> None:
    """What shares memory with a recorded write is recorded from then on."""
    for each in scope.vars:
        if each.memory == target.memory and (each is target or each.parents or not each.leaf):
            each.requires_grad, each.leaf = True, False
            each.parents = (*each.parents, *others)


# modes


def block(mode: str) -> Action:
    def enter(scope: Scope) -> None:
        """A few statements under a grad mode."""
        outside, outer = scope.statements, scope.mode
        scope.statements, scope.mode, known = [], mode, len(scope.vars)
        for _ in range(scope.random.randint(1, 3)):
            ACTIONS[scope.random.choice(INSIDE[mode])](scope)
        body, scope.statements, scope.mode = tuple(scope.statements), outside, outer
        scope.say(Block(mode, body))
        if mode == "inference_mode" and scope.chance(0.9):  # what was made inside may not be recorded outside
            del scope.vars[known:]

    return enter


# leaves and what is asked of them


def leaf(scope: Scope) -> None:
    """Another leaf."""
    scope.leaf()


def require(scope: Scope) -> None:
    """``requires_grad_`` on a leaf."""
    target = scope.pick(lambda each: each.leaf and each.floating and not each.requires_grad) or scope.leaf()
    scope.say(RequiresGrad(target.name))
    target.requires_grad = True


def recorded(scope: Scope) -> Var:
    """A tensor that requires grad."""
    found = scope.pick(lambda each: each.requires_grad)
    return scope.leaf(requires_grad=True) if found is None else found


def hook(scope: Scope) -> None:
    """A tensor hook, or one after accumulation."""
    target = recorded(scope)
    if target.leaf and scope.chance(0.3):
        scope.say(Hook(target.name, when="accumulated"))
        return
    scope.say(Hook(target.name, *scope.random.choice((("record",), ("scale", 2.0), ("scale", -0.5)))))


def retain(scope: Scope) -> None:
    """``retain_grad``."""
    target = recorded(scope)
    scope.say(RetainGrad(target.name))
    target.kept = True


def look(scope: Scope) -> None:
    """Read a tensor, which changes nothing."""
    target = scope.pick(lambda each: True) or scope.leaf()
    hows = ("repr", "tolist", "grad_fn", "grad") if target.leaf or target.kept else ("repr", "tolist", "grad_fn")
    scope.say(Read(target.name, scope.random.choice(hows)))


def take(scope: Scope) -> None:
    """Use a gradient as a tensor."""
    target = scope.pick(lambda each: each.graded)
    if target is None:
        backward(scope)
        return
    name = scope.fresh()
    scope.say(TakeGrad(name, target.name))
    scope.bind(
        Var(name, target.shape, target.dtype, target.recorded_grad, not target.recorded_grad, (target,), fixed=True)
    )


def zero(scope: Scope) -> None:
    """Forget a gradient, or set it to zero in place."""
    target = scope.pick(lambda each: each.graded)
    if target is None:
        backward(scope)
        return
    to_none = scope.chance(0.5)
    scope.say(ZeroGrad(target.name, to_none))
    target.graded = not to_none


# derivatives


def root(scope: Scope) -> Var:
    """A tensor to differentiate."""
    found = scope.pick(lambda each: each.requires_grad and not each.leaf)
    if found is not None:
        return found
    leaf, name = scope.leaf(requires_grad=True), scope.fresh()
    scope.say(Op(name, "mul", (Ref(leaf.name), Ref(leaf.name))))
    scope.saved.add(leaf.memory)
    return scope.bind(Var(name, leaf.shape, leaf.dtype, True, False, (leaf,)))


def cotangent(scope: Scope, of: Var) -> Var | None:
    """A gradient to start from; a scalar needs none."""
    if not of.shape and scope.chance(0.6):
        return None
    return scope.leaf(of.shape, requires_grad=False, tame=True)


def backward(scope: Scope) -> None:
    """``backward``, with any of its arguments."""
    target = root(scope)
    gradient = cotangent(scope, target)
    leaves = [each for each in scope.vars if each.leaf and each.requires_grad and each in target.ancestors()]
    retain, create = retention(scope)
    inputs = tuple(each.name for each in scope.random.sample(leaves, 1)) if leaves and scope.chance(0.15) else None
    scope.say(Backward(target.name, None if gradient is None else gradient.name, retain, create, inputs))
    for each in scope.vars:
        if (each in leaves or (each.kept and each in target.ancestors())) and (inputs is None or each.name in inputs):
            each.graded, each.recorded_grad = True, create
    free(scope, target, retain, create)


def grad(scope: Scope) -> None:
    """``autograd.grad``, with any of its arguments."""
    derivative(scope, *retention(scope))


def derivative(scope: Scope, retain: bool | None, create: bool) -> list[Var]:
    output = root(scope)
    gradient = cotangent(scope, output)
    reached = [each for each in output.ancestors() if each.requires_grad and each is not output and not each.spent]
    reached.sort(key=lambda each: scope.vars.index(each) if each in scope.vars else 0)
    inputs = scope.random.sample(reached, min(len(reached), scope.random.randint(1, 2))) if reached else [output]
    names = tuple(scope.fresh() for _ in inputs)
    grads = None if gradient is None else (gradient.name,)
    unused = scope.random.choice((None, None, True, False))
    scope.say(Grad(names, (output.name,), tuple(each.name for each in inputs), grads, retain, create, unused))
    parents = (output,) if create else ()
    results = [
        Var(name, each.shape, each.dtype, create, not create, parents, fixed=True)
        for name, each in zip(names, inputs, strict=True)
    ]
    free(scope, output, retain, create)
    return [scope.bind(each) for each in results]


def second(scope: Scope) -> None:
    """A derivative of a derivative."""
    first, *_ = derivative(scope, None, True)
    weight = scope.leaf(first.shape, requires_grad=False, tame=True)
    name = scope.fresh()
    scope.say(Op(name, "mul", (Ref(first.name), Ref(weight.name))))
    product = scope.bind(Var(name, first.shape, first.dtype, True, False, (first,)))
    gradient = scope.leaf(first.shape, requires_grad=False, tame=True)
    scope.say(Backward(product.name, gradient.name))
    free(scope, product, None, False)


def retention(scope: Scope) -> tuple[bool | None, bool]:
    """``retain_graph`` and ``create_graph``."""
    return scope.random.choice((None, None, True, True, False)), scope.chance(0.25)


def free(scope: Scope, root: Var, retain: bool | None, create: bool) -> None:
    """Mark what a backward has freed, and what was made of it."""
    if create if retain is None else retain:
        return
    gone = {each for each in root.ancestors() if not each.leaf}
    for each in scope.vars:
        each.spent = each.spent or each in gone or any(parent.spent for parent in each.parents)


# mistakes


def backward_twice(scope: Scope) -> None:
    """Through a graph that the first time has freed."""
    target = root(scope)
    gradient = scope.leaf(target.shape, requires_grad=False, tame=True)
    for _ in range(2):
        scope.say(Backward(target.name, gradient.name))
    free(scope, target, None, False)


def no_gradient(scope: Scope) -> None:
    """``backward`` without a gradient, whatever the shape."""
    scope.say(Backward(root(scope).name, None, True))


def wrong_gradient(scope: Scope) -> None:
    """A gradient of another shape."""
    target = root(scope)
    scope.say(Backward(target.name, scope.leaf((*target.shape, 2), requires_grad=False).name, True))


def nothing_recorded(scope: Scope) -> None:
    """``backward`` from what does not require grad."""
    scope.say(Backward(scope.leaf((), requires_grad=False).name))


def unused_input(scope: Scope) -> None:
    """The gradient by a tensor that had no part in it."""
    output, stranger = root(scope), scope.leaf(requires_grad=True)
    gradient = scope.leaf(output.shape, requires_grad=False, tame=True)
    scope.say(Grad((scope.fresh(),), (output.name,), (stranger.name,), (gradient.name,), True))


def write_to_leaf(scope: Scope) -> None:
    """An in-place op on a leaf that requires grad."""
    scope.say(InPlace(scope.leaf(requires_grad=True).name, "add_", (1,)))


def write_to_saved(scope: Scope) -> None:
    """An in-place op on what a backward needs."""
    made = apply(scope, OPS["exp"])
    scope.say(InPlace(made.name, "mul_", (2,)))
    if made.requires_grad:
        scope.say(Backward(made.name, scope.leaf(made.shape, requires_grad=False, tame=True).name, True))


def misfit(scope: Scope) -> None:
    """Two shapes that do not broadcast."""
    first, second = scope.leaf((2,)), scope.leaf((3,))
    scope.say(Op(scope.fresh(), scope.random.choice(("add", "mul", "maximum")), (Ref(first.name), Ref(second.name))))


def any_write(scope: Scope) -> None:
    """An in-place op on any tensor, whoever still needs it."""
    target = scope.pick(lambda each: each.floating) or scope.leaf()
    spec = INPLACE[scope.random.choice(WRITE_NAMES)]
    change = spec.draw(scope, target)
    scope.say(InPlace(target.name, spec.name, change.args, change.params))
    taint(scope, target, change.vars)


def no_leaf(scope: Scope) -> None:
    """``requires_grad_(False)`` on what is no leaf."""
    scope.say(RequiresGrad(root(scope).name, False))


def integer_leaf(scope: Scope) -> None:
    """``requires_grad_`` on integers."""
    name = scope.fresh()
    scope.say(Leaf(name, (2,), (1, 2), "int64"))
    scope.say(RequiresGrad(name))


WEIGHTS = {
    "op": 40,
    "sample": 6,
    "inplace": 12,
    "leaf": 3,
    "no_grad": 3,
    "enable_grad": 1,
    "inference_mode": 1,
    "requires_grad_": 2,
    "hook": 5,
    "retain_grad": 3,
    "read": 2,
    "backward": 8,
    "grad": 6,
    "second": 4,
    "take_grad": 3,
    "zero_grad": 3,
}
ACTIONS: dict[str, Action] = {
    "op": compute,
    "sample": sample,
    "inplace": write,
    "leaf": leaf,
    "no_grad": block("no_grad"),
    "enable_grad": block("enable_grad"),
    "inference_mode": block("inference_mode"),
    "requires_grad_": require,
    "hook": hook,
    "retain_grad": retain,
    "read": look,
    "backward": backward,
    "grad": grad,
    "second": second,
    "take_grad": take,
    "zero_grad": zero,
}
MISTAKES: tuple[Action, ...] = (
    backward_twice,
    no_gradient,
    wrong_gradient,
    nothing_recorded,
    unused_input,
    write_to_leaf,
    write_to_saved,
    misfit,
    any_write,
    no_leaf,
    integer_leaf,
)
INSIDE = {
    "no_grad": ("op", "op", "inplace", "enable_grad", "read", "leaf"),
    "enable_grad": ("op", "op", "inplace", "backward"),
    "inference_mode": ("op", "read"),
}
OP_NAMES, WRITE_NAMES = list(OPS), list(INPLACE)
