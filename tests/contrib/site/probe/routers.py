import os


class ToUsing:
    """A router that sends all models to the database of the variable USING."""

    def db_for_read(self, model, **hints):
        return os.environ["USING"]

    db_for_write = db_for_read

    def allow_migrate(self, db, app_label, **hints):
        return db == os.environ["USING"]
