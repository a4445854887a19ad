# debhelper for a project that is built with tools of the wheelhouse and installed as Debian's own
# Python packages are; debian/rules includes it.
#
#   PROJECT          the package
#   PROJECT_OPTIONS  options of `wheelhouse.py project`, as --version-of-package
#
# Targets that debian/rules defines after the include take the place of these.

export PYTHONDONTWRITEBYTECODE = 1

# The backend that the project names builds it, in a copy; see wheelhouse/helper/application.py.
override_dh_auto_clean override_dh_auto_configure override_dh_auto_build override_dh_auto_test:

override_dh_auto_install:
	python3 wheelhouse/wheelhouse.py project --package $(PROJECT) $(PROJECT_OPTIONS)
