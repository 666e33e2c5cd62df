; An element is made by calling its component; those of HTML begin with a small letter.

(jsx_opening_element
  name: (_) @target (#match? @target "^[A-Z]|[.]")) @call
(jsx_self_closing_element
  name: (_) @target (#match? @target "^[A-Z]|[.]")) @call
