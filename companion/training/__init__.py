"""Training: supervised fine-tuning, reward models, PPO, DPO and GRPO."""
