"""What the scripts do: scripts/NAME.sh runs `main` of the module NAME."""
