// A backend on the wire in JavaScript: functional, so that the functions under test are called back.
import { readSync, writeSync } from "node:fs";

const handles = new Map();
let made = 0, calls = 0, rest = "";
const chunk = Buffer.alloc(1 << 16);

function receive() {
  for (;;) {
    const end = rest.indexOf("\n");
    if (end >= 0) {
      const line = rest.slice(0, end);
      rest = rest.slice(end + 1);
      return line;
    }
    const count = readSync(0, chunk);
    if (count === 0) process.exit(0);
    rest += chunk.toString("latin1", 0, count);
  }
}

function send(message) {
  for (let bytes = Buffer.from(JSON.stringify(message) + "\n"); bytes.length;) bytes = bytes.subarray(writeSync(1, bytes));
}

class Lacking extends Error {}
const keep = (value) => (handles.set(++made, value), { handle: made });
const words = (x) => (Number.isFinite(x) ? x : Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf");
const flatten = (data) => (Array.isArray(data) ? data.flatMap(flatten) : [data]);
const number = (x) => (x === "nan" ? NaN : x === "inf" ? Infinity : x === "-inf" ? -Infinity : Number(x));
const size = (shape) => shape.reduce((a, b) => a * b, 1);

function nest(flat, shape) {
  if (!shape.length) return flat[0];
  const step = size(shape.slice(1));
  return Array.from({ length: shape[0] }, (_, i) => nest(flat.slice(i * step, (i + 1) * step), shape.slice(1)));
}

function read(value) {
  if (value.handle !== undefined) {
    if (!handles.has(value.handle)) throw new ReferenceError(`no handle ${value.handle}`);
    return handles.get(value.handle);
  }
  if (value.dtype !== "float32") throw new TypeError(`no dtype ${value.dtype}`);
  return { flat: Float32Array.from(flatten(value.data), number), shape: value.shape, inputs: [] };
}

const made_of = (flat, shape, ...inputs) => keep({ flat: Float32Array.from(flat), shape, inputs });
const ops = {
  mul: (x, y) => made_of(x.flat.map((a, i) => a * y.flat[i]), x.shape, [x, (g) => g.map((a, i) => a * y.flat[i])],
                         [y, (g) => g.map((a, i) => a * x.flat[i])]),
  exp: (x) => { const out = x.flat.map(Math.exp); return made_of(out, x.shape, [x, (g) => g.map((a, i) => a * out[i])]); },
  sum: (x) => made_of([x.flat.reduce((a, b) => a + b, 0)], [], [x, (g) => x.flat.map(() => g[0])]),
};

function call(id, args) {
  send({ id: ++calls, call: id, args });
  for (;;) {
    const message = JSON.parse(receive());
    if (message.method) send(answer(message));
    else if (message.error) throw new Error(message.error.message);
    else return message.result;
  }
}

function push(value, grad, sums) {
  sums.set(value, (sums.get(value) ?? new Float32Array(grad.length)).map((a, i) => a + grad[i]));
  for (const [input, rule] of value.inputs) push(input, rule(grad), sums);
}

const methods = {
  hello: () => ({ protocol: 1, name: "tiny-js", version: "1.0", homepage: "https://example.org/tiny-js",
                  methods: ["asarray", "to_numpy", "vjp"], ops: Object.keys(ops) }),
  asarray: (value) => keep({ ...read(value), inputs: [] }),
  to_numpy: (value) => {
    const { flat, shape } = read(value);
    return { dtype: "float32", shape, data: nest(Array.from(flat, words), shape) };
  },
  op: (name, ...values) => {
    if (!Object.hasOwn(ops, name)) throw new Lacking(name);
    return ops[name](...values.map(read));
  },
  vjp: (fn, primals, cotangent) => {
    const inputs = primals.map((primal) => ({ ...read(primal), inputs: [] }));
    const output = call(fn.function, inputs.map(keep));
    const grad = cotangent ? read(cotangent).flat : read(output).flat.map(() => 1);
    const sums = new Map();
    push(read(output), grad, sums);
    return [output, inputs.map((input) => (sums.has(input) ? keep({ flat: sums.get(input), shape: input.shape, inputs: [] }) : null))];
  },
};

function answer(request) {
  const id = request.id ?? null;
  try {
    for (const gone of request.release ?? []) handles.delete(gone);
    if (!Object.hasOwn(methods, request.method)) throw new Lacking(String(request.method));
    return { id, result: methods[request.method](...request.args) };
  } catch (error) {
    return { id, error: { class: error instanceof Lacking ? "NotImplementedError" : error.name, message: error.message } };
  }
}

for (;;) {
  const line = receive();
  let request;
  try {
    request = JSON.parse(line);
  } catch {
    request = {};
  }
  send(answer(request));
}
