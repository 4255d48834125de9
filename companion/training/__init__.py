"""Training: supervised fine-tuning, reward models, PPO, DPO and GRPO. Taught in :doc:`/book/training/pipeline`."""
