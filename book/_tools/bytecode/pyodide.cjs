// Runs a Python program in the vendored Pyodide, with NumPy: node pyodide.cjs FOLDER ARCHIVE PROGRAM.
// Prints what the program's last expression is, a text.
const fs = require("node:fs");
const path = require("node:path");
const [folder, archive, program] = process.argv.slice(2);

(async () => {
  const { loadPyodide } = require(path.join(folder, "pyodide.js"));
  const python = await loadPyodide({ indexURL: folder, packages: ["numpy"] });
  const bytes = new Uint8Array(fs.readFileSync(archive));
  python.unpackArchive(bytes, "zip", { extractDir: "/lib/python3.12/site-packages" });
  const text = python.runPython(fs.readFileSync(program, "utf8"));
  process.stdout.write(`\n${text}\n`);
})().catch((error) => {
  console.error(String(error).slice(-3000)); // not the source of Pyodide, which node would print
  process.exit(1);
});
