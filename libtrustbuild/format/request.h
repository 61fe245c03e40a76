/* SPDX-License-Identifier: Apache-2.0 */
/* The request's inside; the object itself is <trustbuild/request.h>. */
#ifndef TRB_FORMAT_REQUEST_H
#define TRB_FORMAT_REQUEST_H

#include <trustbuild/request.h>

#include "format/facts.h"

/* What it asks for, as views that live as long as the request and until it is changed. */
struct trb_request_facts trb_request_view(const trb_request *request);

#endif
