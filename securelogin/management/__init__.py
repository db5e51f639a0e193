"""The way in for operators: commands of ``manage.py``."""
