"""Trained networks as files: plain data only, every byte under a checksum."""

from chainrule.models.model_file import ModelFile, read_model, write_model

__all__ = ["ModelFile", "read_model", "write_model"]
