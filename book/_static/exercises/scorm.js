/* In a SCORM 1.2 package: the score of the page goes to the learning platform, and the records come
   back from it, for each student apart. Runs before the page's own scripts. */
(() => {
  "use strict";
  const MOST_CHARACTERS = 4096; // of suspend_data in SCORM 1.2
  const api = find(window) ?? find(window.opener);
  const began = Date.now();

  function find(start) {
    let frame = start;
    try {
      for (let depth = 0; frame && depth < 500; depth++) {
        if (frame.API) return frame.API;
        if (!frame.parent || frame.parent === frame) return null;
        frame = frame.parent;
      }
    } catch { /* a frame of another site: the platform's is not beyond it */ }
    return null;
  }

  function call(name, ...values) {
    try {
      return String(api[name](...values));
    } catch {
      return "false";
    }
  }

  const get = (name) => call("LMSGetValue", name);
  const set = (name, value) => call("LMSSetValue", name, String(value)) === "true";
  const connected = api !== null && call("LMSInitialize", "") === "true";
  // Records of two students who share a browser are apart.
  globalThis.exerciseReader = connected ? `-${get("cmi.core.student_id")}` : "-nobody";

  /* "causal-mask:2,0.5,1,1,2026-01-01T00:00:00Z,0;..." in place of JSON, which would be too long. */
  function packed(records, names) {
    return names.filter((name) => records.has(name)).map((name) => {
      const { attempts, best, hints, solution, solved, unaided } = records.get(name);
      return `${name}:${[attempts, +best.toFixed(4), hints, +solution, solved, +unaided].join(",")}`;
    }).join(";");
  }

  function unpacked(text) {
    const records = {};
    for (const part of text.split(";").filter(Boolean)) {
      const colon = part.indexOf(":");
      const [attempts, best, hints, solution, solved, unaided] = part.slice(colon + 1).split(",");
      records[part.slice(0, colon)] = { attempts: +attempts, best: +best, hints: +hints,
        solution: solution === "1", solved, unaided: unaided === "1" };
    }
    return records;
  }

  function share(records, names, exercises) {
    const most = names.reduce((sum, name) => sum + exercises[name].points, 0);
    const earned = names.reduce((sum, name) => sum + (records.get(name)?.best ?? 0) * exercises[name].points, 0);
    return (100 * earned) / most;
  }

  function time(seconds) {
    const part = (value) => String(Math.floor(value)).padStart(2, "0");
    return `${part(Math.min(seconds / 3600, 9999))}:${part((seconds / 60) % 60)}:${part(seconds % 60)}`;
  }

  async function begin() {
    let modules;
    try {
      modules = await Promise.all([import("./progress.js"), import("./catalog.js")]);
    } catch {
      return say("A part of this page did not arrive, so no score is recorded. Reload the page.");
    }
    const [{ progress, VERSION }, { EXERCISES }] = modules;
    const names = Object.keys(EXERCISES).filter((name) => document.getElementById(`ex-${name}`));
    const graded = names.filter((name) => !EXERCISES[name].elsewhere);
    if (!connected) return say("No learning platform answers, so no score is recorded. " +
      "Start this page from your course.");
    try {
      const kept = unpacked(get("cmi.suspend_data"));
      if (Object.keys(kept).length) progress.add(JSON.stringify({ version: VERSION, exercises: kept }));
    } catch { /* not of this page: it is replaced at the next check */ }
    const report = () => {
      const { records } = progress;
      const solved = graded.every((name) => records.get(name)?.solved);
      const text = packed(records, graded);
      const sent = [
        set("cmi.core.score.min", 0),
        set("cmi.core.score.max", 100),
        set("cmi.core.score.raw", share(records, graded, EXERCISES).toFixed(2)),
        set("cmi.core.lesson_status", solved ? "completed" : "incomplete"),
        text.length <= MOST_CHARACTERS && set("cmi.suspend_data", text),
        call("LMSCommit", "") === "true",
      ].every(Boolean);
      say(sent ? "" : "The learning platform did not take the score. Save your progress to a file, and " +
        "tell your teacher.");
    };
    progress.listeners.push(report);
    report();
    addEventListener("pagehide", () => {
      set("cmi.core.exit", "suspend");
      set("cmi.core.session_time", time((Date.now() - began) / 1000));
      call("LMSFinish", "");
    }, { once: true });
  }

  function say(text) {
    let line = document.getElementById("scorm-said");
    if (!line) {
      line = document.createElement("p");
      line.id = "scorm-said";
      line.className = "exercise-note";
      line.setAttribute("role", "status");
      document.querySelector("article h1").after(line);
    }
    line.textContent = text;
  }

  document.addEventListener("DOMContentLoaded", begin);
})();
