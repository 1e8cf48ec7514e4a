"""The companion package of the course."""
