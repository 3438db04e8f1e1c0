"""Migrations of the app's tables."""
