"""Training on several processes: each reads its share of a batch, and all take the same step.

====================  ===============================================================
`world`               join the run, share out a batch, add up over all processes
`sharing`             a model in DDP or FSDP2; norms, and weights made whole
`loop`                the step, and the loop that saves, resumes and stops
`sharded_checkpoint`  a checkpoint of which each process writes its part
`part_hashes`         is a checkpoint still what was written?
`progress`            how far a run is
`parent`              end with the launcher
`rollouts`            each process answers its share of the prompts
`launch`              start the processes; say who died and how to go on
`planning`            memory of a process and time of a step, computed
====================  ===============================================================
"""
