"""Grade a folder of submissions: ``companion grade FOLDER --out grades.csv --seed SECRET``.

==============  =====================================================================
`submission`    notebooks and scripts as code to run
`sandbox`       a process without network, files, and with limits
`worker`        the program inside the sandbox; it never sees a solution
`grader`        all submissions, in parallel, resumable
`ledger`        what has been graded, so that a run can be killed and go on
`results`       the CSV, a feedback file for each student, a summary
==============  =====================================================================

The comparison with the solution happens outside the sandbox, on plain values that came out of it.
What the sandbox stops and what it does not is said in `companion.exercises.grading.sandbox`.
"""
