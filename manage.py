#!/usr/bin/env python
"""Django's command line for the desk."""

import os
import sys

OURS = ("feedback_desk", "tickets", "complaints", "followups", "reports", "tests")


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "feedback_desk.settings")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line

        try:
            execute_from_command_line(sys.argv)
        except ImproperlyConfigured as error:
            sys.exit(str(error))
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in OURS:
            raise
        sys.exit(
            f"The package {package} is missing: remove the folder .venv and start script/server again, or install what requirements.txt names.\n"
            f"缺少依赖包 {package}：请删除 .venv 文件夹后重新运行 script/server，或安装 requirements.txt 中的依赖包。"
        )


if __name__ == "__main__":
    main()
