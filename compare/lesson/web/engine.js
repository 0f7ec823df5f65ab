// The recorded graph computed anew with other numbers at its leaves: forward, then the chain rule backwards, then
// the matrix formulas. The tests hold it against the engine that recorded the graph, number by number.

// Two kinds of number: decimals, and fractions, which are exact

const DECIMALS = {
  of: (text) => Number(String(text).replace("inf", "Infinity")),
  add: (x, y) => x + y,
  times: (x, y) => x * y,
  over: (x, y) => x / y,
  above: (x, y) => x > y,
  function: (name, x) => FUNCTIONS[name](x),
  power: (x, n) => x ** n,
  text: decimal,
};

const FUNCTIONS = { exp: Math.exp, log: Math.log, log1p: Math.log1p, expm1: Math.expm1, sqrt: Math.sqrt, sin: Math.sin, cos: Math.cos,
  tanh: Math.tanh, sigmoid: (x) => 1 / (1 + Math.exp(-x)), softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))) };

function decimal(x) { // four digits after the point, half to even as Python rounds
  if (x === 0) return "0";
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "nan" : x < 0 ? "−∞" : "∞";
  const size = Math.abs(x);
  if (size < 0.00005 || size >= 1e5) return scientific(x);
  const scaled = size * 1e4;
  let text = scaled % 1 === 0.5 ? (2 * Math.round(scaled / 2) / 1e4).toFixed(4) : size.toFixed(4);
  if (Number(text) === size) text = text.replace(/\.?0+$/, "");
  return (x < 0 ? "−" : "") + text;
}

function scientific(x) {
  const [mantissa, power] = Math.abs(x).toExponential(1).split("e");
  const raised = power.replace("+", "").replace("-", "⁻").replace(/\d/g, (d) => UPPER[d]);
  const exact = Number(`${mantissa}e${power}`) === Math.abs(x); // a zero at the end says that something was rounded away
  return `${x < 0 ? "−" : ""}${exact ? mantissa.replace(".0", "") : mantissa}×10${raised}`;
}

const gcd = (a, b) => { while (b) [a, b] = [b, a % b]; return a < 0n ? -a : a; };
const ratio = (p, q) => { const d = gcd(p, q) * (q < 0n ? -1n : 1n); return [p / d, q / d]; };

const FRACTIONS = {
  of: (text) => { const [p, q = "1"] = String(text).split("/"); return ratio(BigInt(p), BigInt(q)); },
  add: ([p, q], [r, s]) => ratio(p * s + r * q, q * s),
  times: ([p, q], [r, s]) => ratio(p * r, q * s),
  over: ([p, q], [r, s]) => ratio(p * s, q * r),
  above: ([p, q], [r, s]) => p * s > r * q,
  function: (name, [p, q]) => ratio(BigInt(quarters(name, FUNCTIONS[name](Number(p) / Number(q)))), 4n),
  power: ([p, q], [n]) => [p ** n, q ** n], // n is a whole number that is not negative
  text: ([p, q]) => `${p}${q === 1n ? "" : `/${q}`}`.replace("-", "−"),
};

// A multiple of 1/4 in the place of a transcendental number, never one whose slope or logarithm would be lost
function quarters(name, x) {
  let fourths = Math.round(4 * x);
  if (name === "sigmoid") fourths = Math.min(Math.max(fourths, 1), 3);
  if (name === "tanh") fourths = Math.min(Math.max(fourths, -3), 3);
  if (name === "exp" || (name === "tanh" && x > 0)) return Math.max(fourths, 1);
  return name === "tanh" && x < 0 ? Math.min(fourths, -1) : fourths;
}

// The operations: the value, and the local derivative by each operand

function operations(N) {
  const one = N.of(1), zero = N.of(0), minus = N.of(-1);
  const negative = (x) => N.times(minus, x), sum = (xs) => xs.reduce(N.add, zero);
  const halves = (xs) => [xs.slice(0, xs.length / 2), xs.slice(xs.length / 2)];
  const elementary = (name, slope) => [(x) => N.function(name, x), slope];
  return {
    add: [(x, y) => N.add(x, y), () => [one, one]],
    subtract: [(x, y) => N.add(x, negative(y)), () => [one, minus]],
    multiply: [(x, y) => N.times(x, y), (out, x, y) => [y, x]],
    divide: [(x, y) => N.over(x, y), (out, x, y) => [N.over(one, y), negative(N.over(out, y))]],
    negative: [negative, () => [minus]],
    square: [(x) => N.times(x, x), (out, x) => [N.add(x, x)]],
    power_n: [N.power, (out, x, n) => [N.times(n, N.power(x, N.add(n, minus))), zero]],
    sum: [(...xs) => sum(xs), (out, ...xs) => xs.map(() => one)],
    dot: [
      (...xs) => { const [w, a] = halves(xs); return sum(w.map((x, k) => N.times(x, a[k]))); },
      (out, ...xs) => { const [w, a] = halves(xs); return [...a, ...w]; },
    ],
    relu: [(x) => (N.above(x, zero) ? x : zero), (out, x) => [N.above(x, zero) ? one : zero]],
    maximum: [(x, y) => (N.above(y, x) ? y : x), (out, x, y) => (N.above(y, x) ? [zero, one] : [one, zero])],
    minimum: [(x, y) => (N.above(x, y) ? y : x), (out, x, y) => (N.above(x, y) ? [zero, one] : [one, zero])],
    absolute: [(x) => (N.above(zero, x) ? negative(x) : x), (out, x) => [N.above(x, zero) ? one : N.above(zero, x) ? minus : zero]],
    reciprocal: [(x) => N.over(one, x), (out) => [negative(N.times(out, out))]],
    sqrt: elementary("sqrt", (out) => [N.over(one, N.add(out, out))]),
    log1p: elementary("log1p", (out, x) => [N.over(one, N.add(one, x))]),
    expm1: elementary("expm1", (out) => [N.add(out, one)]),
    sin: elementary("sin", (out, x) => [N.function("cos", x)]),
    cos: elementary("cos", (out, x) => [negative(N.function("sin", x))]),
    softplus: elementary("softplus", (out, x) => [N.function("sigmoid", x)]),
    exp: elementary("exp", (out) => [out]),
    log: elementary("log", (out, x) => [N.over(one, x)]),
    tanh: elementary("tanh", (out) => [N.add(one, negative(N.times(out, out)))]),
    sigmoid: elementary("sigmoid", (out) => [N.times(out, N.add(one, negative(out)))]),
  };
}

// Forward and backward over the graph of scalars; `leaves` holds the numbers that are not what was recorded

function sweep(program, N, leaves = {}) {
  const table = operations(N), values = [], slopes = [];
  program.nodes.forEach(([name, ...operands], k) => {
    if (!name) { values.push(leaves[k] ?? N.of(operands[0])); slopes.push([]); return; }
    const numbers = operands.map((at) => values[at]), [value, derivatives] = table[name];
    values.push(value(...numbers));
    slopes.push(derivatives(values[k], ...numbers));
  });
  const gradients = values.map((_, k) => N.of(k === values.length - 1 ? 1 : 0));
  const terms = values.map(() => []); // what each consumer of a scalar sends back to it
  for (let k = values.length - 1; k >= 0; k -= 1) {
    program.nodes[k].slice(1).forEach((at, position) => {
      if (!program.nodes[k][0]) return;
      const local = slopes[k][position], product = local === 0 ? 0 : N.times(local, gradients[k]); // 0, of inf too, behind a mask
      gradients[at] = N.add(gradients[at], product);
      terms[at].push({ consumer: k, position, local, upstream: gradients[k], product });
    });
  }
  for (const list of terms) list.sort((s, t) => s.consumer - t.consumer || s.position - t.position);
  return { values, gradients, terms, slopes };
}

// The formulas on whole matrices, not on scalars

function formulas(net, N, leaf, swept) {
  const last = net.sizes.length - 1, minus = N.of(-1), arrays = {};
  const filled = (rows, columns, at) => range(rows).map((j) => range(columns).map((i) => at(j, i)));
  const turned = (A) => A[0].map((_, i) => A.map((row) => row[i]));
  const sum = (xs) => xs.reduce(N.add, N.of(0));
  const dot = (A, B) => A.map((row) => turned(B).map((column) => sum(row.map((x, k) => N.times(x, column[k])))));
  const each = (f, A, B) => A.map((row, j) => row.map((x, i) => f(x, B[j][i])));
  const mean = (x) => N.over(x, N.of(net.m));
  arrays.X = filled(net.sizes[0], net.m, (j, i) => leaf(`x-${j + 1}-${i + 1}`));
  range(last).map((k) => k + 1).forEach((l) => {
    const [before, here] = [net.sizes[l - 1], net.sizes[l]];
    arrays[`W${l}`] = filled(before, here, (j, k) => leaf(`w${l}-${j + 1}-${k + 1}`));
    arrays[`b${l}`] = filled(here, 1, (j) => leaf(`b${l}-${j + 1}-1`));
    for (const letter of "za") arrays[`${letter}${l}`] = filled(here, net.m, (j, i) => leaf(`${letter}${l}-${j + 1}-${i + 1}`));
    const slope = net.slopes(l, swept);
    if (slope) arrays[`dadz${l}`] = slope;
  });
  for (let l = last; l > 0; l -= 1) {
    const a = arrays[`a${l}`], from = l > 1 ? arrays[`a${l - 1}`] : arrays.X;
    const dJda = l === last ? net.costSlopes(swept) : dot(arrays[`W${l + 1}`], arrays[`dJdz${l + 1}`]);
    let dJdz;
    if (l === last && net.matched) dJdz = each((x, y) => N.add(x, N.times(minus, y)), a, net.Y);
    else if (arrays[`dadz${l}`]) dJdz = each(N.times, dJda, arrays[`dadz${l}`]);
    else { // softmax
      const sums = turned(each(N.times, dJda, a)).map(sum);
      dJdz = a.map((row, j) => row.map((x, i) => N.times(x, N.add(dJda[j][i], N.times(minus, sums[i])))));
    }
    Object.assign(arrays, { [`dJda${l}`]: dJda, [`dJdz${l}`]: dJdz,
      [`dJdb${l}`]: dJdz.map((row) => [mean(sum(row))]), [`dJdW${l}`]: dot(from, turned(dJdz)).map((row) => row.map(mean)) });
  }
  return arrays;
}

// The named scalars anew: the same as they were given, with other numbers

function scalars(given, N, leaves) {
  const { program } = given, swept = sweep(program, N, leaves), { text } = N;
  const named = Object.fromEntries(Object.entries(program.at).map(([id, at]) => [at, id]));
  const nodes = {};
  for (const [id, node] of Object.entries(given.nodes)) {
    const at = program.at[id];
    let total = N.of(0);
    const terms = swept.terms[at].map((term, k) => {
      total = N.add(total, term.product);
      return { ...node.terms[k], local: text(term.local), upstream: text(term.upstream), product: text(term.product), sum: text(total) };
    });
    nodes[id] = { ...node, value: text(swept.values[at]), terms, how: how(at), sum: text(swept.gradients[at]),
      gradient: text(N.over(swept.gradients[at], N.of(node.meanOf))) };
  }
  return { nodes, swept };

  function how(at) { // the numbers that a scalar was computed from
    const [name, ...operands] = program.nodes[at], number = (k) => text(swept.values[k]);
    const id = named[at];
    if (!name || !given.nodes[id].how) return "";
    if (name === "add" || name === "sum") return operands.map(factors).join(" + ");
    return operands.length === 1 && name in FUNCTIONS || name === "relu" ? `${name}(${number(operands[0])})` : given.nodes[id].how;
  }

  function factors(at) {
    const [name, ...operands] = program.nodes[at], number = (k) => signed(text(swept.values[k]));
    if ((name !== "dot" && name !== "multiply") || named[at]) return number(at);
    const half = operands.length / 2;
    return range(half).map((k) => `${number(operands[k])}·${number(operands[half + k])}`).join(" + ");
  }
}

// What the page shows of a network, anew: its scalars, and its matrices by the formulas

function computed(net, given, kind, leaves) {
  const N = kind === "fraction" ? FRACTIONS : DECIMALS, { program } = given, { text } = N;
  const { nodes, swept } = scalars(given, N, leaves);
  const leaf = (id) => swept.values[program.at[find({ nodes: program.at }, id)]];
  const slopeOf = (l, i, j) => {
    const a = program.at[`a${l}-${j + 1}-${i + 1}`], z = program.at[`z${l}-${j + 1}-${i + 1}`];
    if (a === undefined) return N.of(1); // with the identity a is z
    const position = program.nodes[a].slice(1).indexOf(z);
    return position < 0 ? null : swept.slopes[a][position];
  };
  const matrixOf = (l, at) => range(net.sizes[l]).map((j) => range(net.m).map((i) => at(j, i)));
  const about = { ...net, Y: given.arrays.Y.map((row) => row.map((x) => N.of(x.replace("−", "-")))),
    slopes: (l) => { const found = matrixOf(l, (j, i) => slopeOf(l, i, j)); return found.flat().includes(null) ? null : found; },
    costSlopes: () => matrixOf(net.sizes.length - 1, (j, i) => swept.gradients[program.at[find({ nodes: program.at }, `a${net.sizes.length - 1}-${j + 1}-${i + 1}`)]]) };
  const arrays = { ...given.arrays };
  for (const [name, rows] of Object.entries(formulas(about, N, leaf, swept))) {
    if (name in arrays) arrays[name] = rows.map((row) => row.map(text));
  }
  return { ...given, nodes, arrays };
}
