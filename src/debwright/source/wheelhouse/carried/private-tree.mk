# debhelper for an application in a tree of its own, /usr/lib/PACKAGE; debian/rules includes it.
#
#   PRIVATE_TREE          the package
#   PRIVATE_TREE_OPTIONS  options of `wheelhouse.py tree`, as --build
#
# Targets that debian/rules defines after the include take the place of these.

export PYTHONDONTWRITEBYTECODE = 1

_TREE = debian/$(PRIVATE_TREE)/usr/lib/$(PRIVATE_TREE)
_PYTHON := $(shell python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')

# The backend that the project names builds it, in a copy; see wheelhouse/helper/application.py.
override_dh_auto_clean override_dh_auto_configure override_dh_auto_build override_dh_auto_test:

override_dh_auto_install:
	python3 wheelhouse/wheelhouse.py tree --package $(PRIVATE_TREE) $(PRIVATE_TREE_OPTIONS)

# Wheels come as their publishers made them. Stripping breaks libraries that patchelf(1) has changed
# ("ELF load command address/offset not page-aligned"), and there is nothing to debug them with.
override_dh_strip:
	dh_strip --no-automatic-dbgsym -X/usr/lib/$(PRIVATE_TREE)/

override_dh_strip_nondeterminism:
	dh_strip_nondeterminism -X/usr/lib/$(PRIVATE_TREE)/

# The debugging information of wheels is not what dwz(1) expects, and no library of them is for
# other packages.
override_dh_dwz override_dh_makeshlibs:

# Wheels bring libraries next to those that need them, and are linked with more than they use.
override_dh_shlibdeps:
	dh_shlibdeps $(addprefix -l,$(sort $(dir $(shell find $(CURDIR)/$(_TREE) -name '*.so*')))) \
		-- --warnings=1 --ignore-missing-info

# py3compile at installation, for the one Python that the tree is made for, of all that it can
# compile. What the application needs is in the tree.
override_dh_python3:
	dh_python3 --no-guessing-deps --no-ext-rename --no-shebang-rewrite \
		-V $(_PYTHON) /usr/lib/$(PRIVATE_TREE) \
		$(shell python3 wheelhouse/wheelhouse.py broken --package $(PRIVATE_TREE))
	rm -rf debian/$(PRIVATE_TREE)/usr/share/python3
