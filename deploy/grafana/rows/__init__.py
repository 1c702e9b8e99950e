"""The rows of the dashboard "Spine", one file each."""
