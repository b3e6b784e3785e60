#include "error.hpp"

namespace xgrad {

Error::~Error() = default;
ShapeError::~ShapeError() = default;
ValueError::~ValueError() = default;
GraphError::~GraphError() = default;
AnomalyError::~AnomalyError() = default;
CaptureError::~CaptureError() = default;
IoError::~IoError() = default;
InternalError::~InternalError() = default;

InternalError::InternalError(const std::string& what)
    : Error(what + "; this is a bug in xgrad, please report it with the program that led here") {}

}  // namespace xgrad
