"""PPO by Stable-Baselines3: a listener that learns from reward, one click a turn."""
