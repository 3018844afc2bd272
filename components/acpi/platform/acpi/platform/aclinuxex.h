/* See aclinux.h: nothing is added after ACPICA's own headers. */
#pragma once
