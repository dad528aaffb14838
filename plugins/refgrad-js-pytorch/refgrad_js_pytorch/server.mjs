// js-pytorch on refgrad's wire (docs/protocol.md). Its numbers are float64. It has no tensor without dimensions: a number is a
// tensor of one element to it, which is marked here as a scalar, and told as one.
import { readFileSync, readSync, writeSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { torch } = await import("js-pytorch").catch(() => {
  console.error("js-pytorch is not installed: run npm install --ignore-scripts in " + import.meta.dirname);
  process.exit(1);
});
const manifest = JSON.parse(readFileSync(require.resolve("js-pytorch").replace(/dist.*/, "package.json"), "utf8"));

class Lacking extends Error {}
const lack = (what) => { throw new Lacking(what); };
const handles = new Map();
let made = 0;
const keep = (tensor) => (handles.set(++made, tensor), { handle: made });

const marked = (tensor, scalar) => Object.assign(tensor, { scalar: Boolean(scalar) });

// -- values

function tensor({ dtype, shape, base64 }, requires_grad = false) {
  if (dtype !== "float64") lack(`numbers other than float64: ${dtype}`);
  if (shape.includes(0)) lack("tensors without elements");
  const bytes = Buffer.from(base64, "base64");
  const flat = Array.from({ length: bytes.length / 8 }, (_, i) => bytes.readDoubleLE(8 * i));
  return marked(torch.tensor(shape.length ? torch._reshape(flat, shape) : flat, requires_grad), !shape.length);
}

function read(value) {
  if (typeof value !== "object") return typeof value === "number" ? value : lack(`an argument such as ${value}`);
  if (value?.base64 !== undefined) return tensor(value);
  if (value?.float !== undefined) return Number(value.float.replace("inf", "Infinity"));
  return value?.handle === undefined ? lack(`an argument such as ${JSON.stringify(value)}`) : known(value);
}

function known(value) {
  if (!handles.has(value.handle)) throw new ReferenceError(`no handle ${value.handle}`);
  return handles.get(value.handle);
}

function told(t) {
  const bytes = Float64Array.from(t.data.flat(Infinity));
  return { dtype: "float64", shape: t.scalar ? [] : t.shape, base64: Buffer.from(bytes.buffer).toString("base64") };
}

// -- ops, by PyTorch's names

const isTensor = (x) => x instanceof torch.Tensor;
const last = (dim) => dim ?? lack("a dimension left out");
const one = (dim) => (Array.isArray(dim) ? lack("several dimensions") : dim);

function binary(op) {
  return (x, y) => {
    const scalars = new Set([x, y].filter(isTensor).map((t) => t.scalar));
    if (scalars.size > 1) lack("a tensor without dimensions beside one with");
    return marked(op(x, y), scalars.has(true));
  };
}

function reduction(op) {
  return (x, { dim = null, keepdim = false } = {}) => {
    if (dim === null && keepdim) lack("keepdim without dim");
    if (dim === null) return marked(op(x.reshape([x.shape.reduce((a, b) => a * b, 1)]), 0), true);
    return marked(op(x, one(dim), keepdim), x.scalar || (x.shape.length === 1 && !keepdim));
  };
}

const unary = (op) => (x, ...rest) => marked(op(x, ...rest), x.scalar);
const ops = {
  add: binary((x, y) => (isTensor(x) ? x.add(y) : y.add(x))),
  sub: binary((x, y) => (isTensor(x) ? x.sub(y) : y.neg().add(x))),
  mul: binary((x, y) => (isTensor(x) ? x.mul(y) : y.mul(x))),
  div: binary((x, y) => torch.div(x, y)),
  pow: unary((x, n) => (typeof n === "number" && isTensor(x) ? x.pow(n) : lack("an exponent that is no number"))),
  matmul: (x, y) => marked(x.matmul(y), false),
  neg: unary((x) => x.neg()),
  exp: unary((x) => x.exp()),
  log: unary((x) => x.log()),
  sqrt: unary((x) => x.sqrt()),
  relu: unary((x) => new torch.nn.ReLU().forward(x)),
  softmax: unary((x, { dim }) => new torch.nn.Softmax().forward(x, last(dim))),
  sum: reduction((x, dim, keepdim) => x.sum(dim, keepdim)),
  mean: reduction((x, dim, keepdim) => x.mean(dim, keepdim)),
  var: (x, { correction, ...where } = {}) => (correction === 0 ? reduction((x, dim, keepdim) => x.variance(dim, keepdim))(x, where) : lack("var with a correction")),
  transpose: unary((x, { dim0, dim1 }) => x.transpose(dim0, dim1)),
  reshape: (x, { shape }) => marked(x.reshape(shape.length ? shape : [1]), !shape.length),
};
const PARAMETERS = { softmax: ["dim"], sum: ["dim", "keepdim"], mean: ["dim", "keepdim"], var: ["dim", "correction", "keepdim"],
                     transpose: ["dim0", "dim1"], reshape: ["shape"] };

// -- the protocol

const methods = {
  hello: () => ({ protocol: 1, name: "js-pytorch", version: manifest.version, homepage: manifest.homepage, base64: true,
                  methods: ["asarray", "to_numpy", "leaf", "backward", "grad_of", "requires_grad", "zero_grad_of"], ops: Object.keys(ops) }),
  asarray: ([value]) => keep(tensor(value)),
  leaf: ([value], { requires_grad = true }) => keep(tensor(value, requires_grad)),
  to_numpy: ([value]) => told(known(value)),
  op: ([name, ...inputs], options) => {
    const unknown = Object.keys(options).find((each) => !PARAMETERS[name]?.includes(each));
    if (!Object.hasOwn(ops, name) || unknown) lack(`${name}(${unknown ?? ""})`);
    return keep(ops[name](...inputs.map(read), options));
  },
  backward: ([value, gradient]) => (known(value).backward(gradient ? read(gradient) : null), null),
  grad_of: ([value]) => (known(value).grad ? keep(marked(torch.tensor(known(value).grad), known(value).scalar)) : null),
  requires_grad: ([value]) => known(value).requires_grad,
  zero_grad_of: ([value]) => (known(value).zero_grad(), null),
};

function answer(line) {
  let id = null;
  try {
    const request = JSON.parse(line);
    id = request.id ?? null;
    for (const gone of request.release ?? []) handles.delete(gone);
    if (!Object.hasOwn(methods, request.method)) lack(String(request.method));
    return { id, result: methods[request.method](request.args, request.kwargs ?? {}) };
  } catch (error) {
    return { id, error: { class: error instanceof Lacking ? "NotImplementedError" : error.name, message: error.message } };
  }
}

const chunk = Buffer.alloc(1 << 16);
const lines = [""];
for (let count; (count = readSync(0, chunk)); ) {
  const parts = chunk.toString("latin1", 0, count).split("\n"); // JSON in base64 and numbers is ASCII
  lines.push(lines.pop() + parts.shift(), ...parts);
  while (lines.length > 1) {
    let bytes = Buffer.from(JSON.stringify(answer(lines.shift())) + "\n");
    while (bytes.length) bytes = bytes.subarray(writeSync(1, bytes));
  }
}
