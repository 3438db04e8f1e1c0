"""The settings of the project, with the databases and other settings that a test gives."""

import json
import os

from settings import *  # noqa: F403
from settings import INSTALLED_APPS

try:
    import pymysql
except ImportError:  # Only for MySQL.
    pass
else:
    pymysql.version_info = (2, 2, 7, "final", 0)  # What Django asks of mysqlclient.
    pymysql.install_as_MySQLdb()

INSTALLED_APPS = [*INSTALLED_APPS, "probe"]
ALLOWED_HOSTS = ["*"]
MIGRATION_MODULES = {"probe": None}
ROOT_URLCONF = "probe.urls"
globals().update(json.loads(os.environ.get("SITE_SETTINGS", "{}")))
