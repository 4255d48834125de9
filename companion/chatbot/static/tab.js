// Which conversation this tab shows. It is remembered over a reload, and a copied tab gets its own.

const SESSION = "companion-session";
const TAB = "companion-tab";

export const remembered = () => sessionStorage.getItem(SESSION);

export function remember(session) {
  if (session) sessionStorage.setItem(SESSION, session);
  else sessionStorage.removeItem(SESSION);
}

// Return whether this tab is a copy of one that is still open. A copy gets all that its original has
// remembered, but not the lock that it holds. A reload gives the lock back, which takes a moment.
export async function isCopy() {
  const tab = sessionStorage.getItem(TAB);
  if (tab && (await hold(tab))) return false;
  const fresh = crypto.randomUUID();
  sessionStorage.setItem(TAB, fresh);
  hold(fresh);
  return tab !== null;
}

function hold(tab) {
  if (!navigator.locks) return Promise.resolve(true);
  return new Promise((known) => {
    const waiting = { signal: AbortSignal.timeout(1000) };
    const kept = () => { known(true); return new Promise(() => {}); }; // as long as the page lives
    navigator.locks.request(`companion-${tab}`, waiting, kept).catch(() => known(false));
  });
}

// Tabs tell each other which conversation has changed.
const channel = new BroadcastChannel("companion");

export function tellOthers(session) { channel.postMessage(session); }

export function whenOthersTell(run) {
  channel.addEventListener("message", ({ data }) => run(data));
}
