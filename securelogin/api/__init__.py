"""The HTTP floor: views, serializers, authentication. The only importer of rest_framework."""
