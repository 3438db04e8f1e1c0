from django.db import models


class Effect(models.Model):
    """What a handler has done."""

    id = models.BigAutoField(primary_key=True)
    message_id = models.CharField(max_length=255)
    handler = models.CharField(max_length=255)


class Unique(models.Model):
    id = models.CharField(primary_key=True, max_length=255)
