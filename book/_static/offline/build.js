/* Written by book/_tools/offline_files.py, which counts what the button keeps. */
export const BYTES = 0;
