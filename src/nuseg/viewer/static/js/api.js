// Everything that the page asks of the server.
export class ApiError extends Error {
  constructor(status, body) { super(body.error || `the server answered ${status}`); this.status = status; this.body = body; }
}

async function ask(path, init) {
  const gone = () => { throw new ApiError(0, { error: "The server does not answer. Start it again; nothing that was written is lost." }); };
  const response = await fetch(`api/${path}`, init).catch(gone);
  if (response.ok) return response;
  throw new ApiError(response.status, await response.json().catch(() => ({}))); // not from nuseg: the status says enough
}

export const get = async (path) => (await ask(path)).json();
export const bytes = async (path) => (await ask(path)).arrayBuffer();
const send = (path, body) => ask(path, {
  method: "POST", headers: { "Content-Type": "application/json", "X-Nuseg": "1" }, body: JSON.stringify(body ?? {}),
});
export const post = async (path, body) => (await send(path, body)).json();
export const download = async (path, body) => (await send(path, body)).blob();
export const itemPath = (item, rest = "") => `items/${encodeURIComponent(item.id)}${rest}`;
export const layerPath = (item, layer, rest = "") => itemPath(item, `/layers/${encodeURIComponent(layer)}${rest}`);
