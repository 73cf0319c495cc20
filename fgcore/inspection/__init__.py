"""fgcore.inspection."""
