// Requests to companion chat, and their answers. The key stands in the address, behind "#".

const KEY = new URLSearchParams(location.hash.slice(1)).get("key");
const GONE = "companion chat can't be reached: it has ended or crashed. Start it again, then go on here.";
const BROKEN = "The connection broke off: companion chat has ended or crashed. What was written so far "
  + "stands above. Start companion chat again, then go on here.";

// Why a request failed, in words. "status" is that of HTTP, "more" what the server said beside it.
export class Refused extends Error {
  constructor(message, status = 0, more = {}) {
    super(message);
    this.status = status;
    this.more = more;
  }
}

export async function send(path, body) {
  const headers = { "content-type": "application/json" };
  if (KEY) headers.authorization = `Bearer ${KEY}`;
  let answer;
  try {
    answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  } catch {
    throw new Refused(GONE);
  }
  if (answer.ok) return answer;
  const text = await answer.text();
  let said = { message: text };
  try { said = JSON.parse(text); } catch { /* plain text */ }
  const message = said.message || `The server answered ${answer.status}.`;
  throw new Refused(sentence(message), answer.status, said);
}

// Begin a message with a capital, unless its first word may be a name.
export function sentence(text) {
  return text.replace(/^[a-z]+(?= )/, (word) => word[0].toUpperCase() + word.slice(1));
}

export async function post(path, body) {
  return (await send(path, body)).json();
}

// The events of an answer while it is written: [kind, values].
export async function* events(path, body) {
  const answer = await send(path, body);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read().catch(() => { throw new Refused(BROKEN); });
    if (done) return;
    text += value;
    let start = 0;
    for (let end; (end = text.indexOf("\n\n", start)) >= 0; start = end + 2) {
      const [kind, data] = text.slice(start, end).split("\n");
      yield [kind.slice("event: ".length), JSON.parse(data.slice("data: ".length))];
    }
    text = text.slice(start);
  }
}
