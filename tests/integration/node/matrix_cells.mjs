// What the clients of the table have in common: cells come in on standard input as JSON, and what
// was seen of each goes out as JSON, with the client's version.
export const read = async () => {
  const pieces = [];
  for await (const piece of process.stdin) pieces.push(piece);
  return JSON.parse(Buffer.concat(pieces).toString());
};

export const failure = async (call) => {
  try {
    await call();
    return { kind: null };
  } catch (error) {
    return {
      kind: error.constructor.name,
      status: error.status ?? null,
      message: error.message,
      retry_after: error.headers?.get?.("retry-after") ?? null,
    };
  }
};

export const errors = async (cell, answer, pieces) => {
  const seen = {};
  for (const [name, model] of Object.entries(cell.faults)) {
    if (name === "late") {
      const found = [];
      seen.late = { ...(await failure(() => pieces(cell, model, found))), pieces: found.length };
    } else seen[name] = await failure(() => answer(cell, model));
  }
  return seen;
};

export const run = async (version, cells, see) => {
  const seen = {};
  for (const cell of cells) {
    try {
      seen[cell.number] = await see(cell);
    } catch (error) {
      seen[cell.number] = { raised: `${error.constructor.name}: ${error.message}` };
    }
  }
  console.log(JSON.stringify({ version, seen }));
};
