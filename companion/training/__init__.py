"""Training: supervised fine-tuning, reward models, PPO, DPO and GRPO.

===============  ====================================================================
`data`           records as token ids and labels
`settings`       what every run of a trainer of TRL is told
`trainer`        what the trainers of TRL share; `silence` keeps them quiet
`sft`            supervised fine-tuning
`reward_model`   a reward model from pairs of answers
`dpo`            learning from pairs without a reward model
`grpo`           a reward compares the answers of a group
`ppo`            a loop to be read: `rollout`, then `ppo_step`; `ppo_config`, `value_model`
`adapters`       training a few parameters: LoRA, adapters, prompt tuning
`checkpoint`     our own loops saved and resumed; `interrupts`: Ctrl-C
===============  ====================================================================

`companion.training.processes` trains on several processes.
"""
