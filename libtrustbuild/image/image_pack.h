/* SPDX-License-Identifier: Apache-2.0 */
/* Parts put together into an EIF. */
#ifndef TRB_IMAGE_IMAGE_PACK_H
#define TRB_IMAGE_IMAGE_PACK_H

#include "image/image.h"

/* Waits until no other process works in the state folder; closing image->lock lets go. */
int trb_image_lock_state(trb_image *image, trb_error **err);
/* Packs the image at its path from the parts, unless it is there already. */
int trb_image_pack(trb_image *image, trb_eif **ret_eif, trb_error **err);

#endif
