#include "chart/theme.h"

static const struct theme
    themes[PICTURE_THEMES] =
        {
            [PICTURE_LIGHT] =
                {
                    .background = 0xffffff,
                    .text = 0x1a1a1a,
                    .faint_text = 0x555555,
                    .grid = 0xe4e4e4,
                    .axis = 0x8a8a8a,
                    .gap = 0x8a8a8a,
                    .strokes =
                        {
                            [THEME_ALLOCATED] = {0x0072b2, 2.0, {0}},
                            [THEME_EXCLUDED] = {0x0072b2, 1.2, {1.5, 2.5}},
                            [THEME_GUEST + LINE_USED] = {0xd55e00, 1.6, {0}},
                            [THEME_GUEST + LINE_FREE] = {0x00815d, 1.3, {7, 2}},
                            [THEME_GUEST + LINE_CACHED] = {0xa8518a, 1.3, {7, 2, 1.5, 2}},
                            [THEME_GUEST + LINE_SWAP] = {0x1a1a1a, 1.4, {2, 2}},
                            [THEME_GUEST + LINE_NEED] = {0x9a6700, 1.1, {4, 3}},
                            [THEME_GUEST + LINE_TARGET] = {0x2f86c6, 1.2, {10, 3}},
                            [THEME_GUEST + LINE_FLOOR] = {0x6b6b6b, 1.3, {1.5, 2.5}},
                            [THEME_GUEST + LINE_CEILING] = {0x6b6b6b, 1.3, {6, 2.5, 1.5, 2.5}},
                        },
                },
            [PICTURE_DARK] =
                {
                    .background = 0x16191d,
                    .text = 0xececec,
                    .faint_text = 0xaeb4ba,
                    .grid = 0x2c3137,
                    .axis = 0x7b838b,
                    .gap = 0x99a1a9,
                    .strokes =
                        {
                            [THEME_ALLOCATED] = {0x56b4e9, 2.0, {0}},
                            [THEME_EXCLUDED] = {0x56b4e9, 1.2, {1.5, 2.5}},
                            [THEME_GUEST + LINE_USED] = {0xff8a3d, 1.6, {0}},
                            [THEME_GUEST + LINE_FREE] = {0x2fc79a, 1.3, {7, 2}},
                            [THEME_GUEST + LINE_CACHED] = {0xe29cc6, 1.3, {7, 2, 1.5, 2}},
                            [THEME_GUEST + LINE_SWAP] = {0xf0e442, 1.4, {2, 2}},
                            [THEME_GUEST + LINE_NEED] = {0xe6b24d, 1.1, {4, 3}},
                            [THEME_GUEST + LINE_TARGET] = {0x9ad2f2, 1.2, {10, 3}},
                            [THEME_GUEST + LINE_FLOOR] = {0xa3abb3, 1.3, {1.5, 2.5}},
                            [THEME_GUEST + LINE_CEILING] = {0xa3abb3, 1.3, {6, 2.5, 1.5, 2.5}},
                        },
                },
};

const struct theme *theme_of(enum picture_theme theme)
{
    return &themes[theme];
}
