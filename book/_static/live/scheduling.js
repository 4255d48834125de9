/* Which request has which slot at each step of a server: static and continuous batching. */

/* Args: lengths, tokens that each request asks for; slots; isContinuous, or else a group is done first.
   Returns: the steps, each a list with the request of every slot, or null for an idle one. */
export function schedule(lengths, slots, isContinuous) {
  const left = [...lengths], running = Array(slots).fill(null), steps = [];
  let waiting = 0;
  while (waiting < lengths.length || running.some((request) => request !== null)) {
    if (isContinuous || running.every((request) => request === null)) {
      running.forEach((request, slot) => {
        if (request === null && waiting < lengths.length) running[slot] = waiting++;
      });
    }
    steps.push([...running]);
    running.forEach((request, slot) => {
      if (request !== null && --left[request] === 0) running[slot] = null;
    });
  }
  return steps;
}

/* Slots without a request, over all steps. */
export const idle = (steps) => steps.flat().filter((request) => request === null).length;
