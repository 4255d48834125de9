"""Grade a folder of submissions: ``companion grade FOLDER --out grades.csv --seed SECRET``.

==============  =====================================================================
`archive`       the folder of a class, or the archive that a platform has made of it
`submission`    who handed in what; `student`: the names of learning platforms; `roster`: their
                files that say it, such as that of `gradescope`
`reader`        reads it, in a process of its own: `members`, `notebook`, `cells`, `magics`
`sandbox`       a process without network, files, and with limits: `limits`, by means of
                `bubblewrap`, `landlock`, `seccomp` or `guard`; `watch`, `workplace`
`worker`        the program inside the sandbox; it never sees a solution
`session`       runs cells as Jupyter does; `shell`, `stand_in`, `history`: what they find
`transcript`    what a worker says, checked as it comes; `marking`: what it is worth
`options`       what can be asked for; `launch`: what the command does, step by step
`grader`        all submissions, in parallel, resumable
`ledger`        what has been graded, so that a run can be killed and go on
`shard`         one part of a class that is graded on several machines; `merge`: all parts
`results`       the CSV, and a feedback file for each student
`summary`       who needs attention, and statistics; `gradebook`: files to import
`hand_in`       the result of one submission, for Gradescope and GitHub Classroom
==============  =====================================================================

The comparison with the solution happens outside the sandbox, on plain values that came out of it.
What the sandbox stops and what it does not is said in `companion.exercises.grading.sandbox`.
"""
