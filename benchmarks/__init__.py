"""What a call costs, beside simplejwt and knox: ``python -m benchmarks``, or ``tox -e benchmarks``."""
